"""RRUFF's downloads: a zip archive as it comes, a folder of its files, or one file."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from alphadiffract_stream.errors import ConfigurationError

_ID = re.compile(r"\b([A-Z]\d{5,7}(?:[-.]\d+)?)\b")
MAX_BYTES = 20_000_000


def read_texts(path: Path) -> Iterator[tuple[str, str]]:
    """(file name, text) of every ``.txt`` at `path`, in order of names.

    Raises ConfigurationError where there is none, or the archive cannot be read.
    """
    count = 0
    for name, content in _contents(path):
        count += 1
        yield name, content.decode("utf-8", errors="replace")
    if not count:
        raise ConfigurationError(f"{path}: no .txt files of RRUFF here")


def _contents(path: Path) -> Iterator[tuple[str, bytes]]:
    if path.is_dir():
        for file in sorted(path.rglob("*.txt")):
            yield file.name, file.read_bytes()[:MAX_BYTES]
    elif path.suffix.lower() == ".zip":
        try:
            with zipfile.ZipFile(path) as archive:
                for info in sorted(archive.infolist(), key=lambda i: i.filename):
                    if info.filename.lower().endswith(".txt"):
                        with archive.open(info) as member:
                            yield Path(info.filename).name, member.read(MAX_BYTES)
        except (zipfile.BadZipFile, OSError) as error:
            raise ConfigurationError(f"{path}: not a readable zip archive ({error})") from None
    elif path.is_file():
        yield path.name, path.read_bytes()[:MAX_BYTES]
    else:
        raise ConfigurationError(f"{path}: no such file or folder")


def sample_id(name: str, text: str = "") -> str:
    """``R040031-1`` of a file name or, failing that, of the first lines. Empty without one."""
    for where in (name.replace("_", " "), *text.splitlines()[:12]):
        found = _ID.search(where)
        if found:
            return found[1]
    return ""
