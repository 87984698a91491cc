"""Which files may be read: only those inside of folders the operator named."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ...errors import PatternError

_HERE = ("", "localhost")


def confined(uri: str, folders: Sequence[Path]) -> Path:
    """File that `uri` (``file://localhost/…``, or a path) names, links resolved.

    folders: resolved. Raises PatternError where it is on another machine, or in none of them.
    """
    path = _path(uri)
    try:
        real = path.resolve()
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links, a zero byte
        raise PatternError("external data", f"{uri!r:.200}: {error}", "check the path") from None
    if not path.is_absolute() or not any(real.is_relative_to(folder) for folder in folders):
        allowed = ", ".join(map(str, folders))
        raise PatternError(
            "external data",
            f"{uri!r:.200} is in none of the folders that may be read ({allowed})",
            "name its folder with ?data=FOLDER if it is right",
        )
    return real


def _path(uri: str) -> Path:
    if "://" not in uri:
        return Path(uri)
    try:
        parts = urlsplit(uri)
        host = parts.hostname or ""
    except ValueError:
        raise PatternError("external data", f"{uri!r:.200}", "give a file:// URI") from None
    if parts.scheme != "file" or host not in _HERE:
        remedy = "only files of this machine (file://localhost/…) are read; mount them"
        raise PatternError("external data", f"{uri!r:.200}", remedy)
    return Path(unquote(parts.path))
