"""URLs name transports and engines: the scheme is the file that implements it.

``bluesky-zmq://localhost:5578?prefix=raw`` opened in package ``alphadiffract_stream.sources``
loads ``_bluesky_zmq.py`` there and calls its ``open(url, **options)``. Adding a transport is adding
a file; a package of one's own is used through the entry-point group of the same name as the
package (``alphadiffract_stream.sources``, ``.sinks``, ``.engines``).
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import re
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, entry_points, metadata
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from .errors import ConfigurationError

_DISTRIBUTION = "alphadiffract-stream"


@dataclass(frozen=True, slots=True)
class Url:
    """A parsed transport or engine URL."""

    text: str
    scheme: str
    host: str = ""
    """Or several, as they are written: ``one:9092,two:9092``; `port` is then None."""
    port: int | None = None
    path: str = ""
    query: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.text

    @property
    def address(self) -> str:
        """``tcp://host:port``, as 0MQ wants it. Raises ConfigurationError without a port."""
        if self.port is None:
            raise ConfigurationError(f"{self.text}: no port; write {self.scheme}://HOST:PORT")
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"tcp://{host}:{self.port}"


def parse_url(text: str) -> Url:
    """Split a URL; ``scheme:path`` and ``scheme`` alone are allowed. Raises ConfigurationError."""
    try:
        # A '#' belongs to a file's name here; no transport has fragments.
        parts = urlsplit((text if ":" in text else f"{text}:").replace("#", "%23"))
        listed = "," in parts.netloc  # of brokers, each with its port
        port = None if listed else parts.port
    except ValueError as error:
        raise ConfigurationError(f"{text!r} is no URL: {error}") from None
    if not re.fullmatch(r"[a-z][a-z0-9+-]*", parts.scheme):
        raise ConfigurationError(f"{text!r} has no scheme; write e.g. bluesky-zmq://localhost:5578")
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    query = dict(pairs)
    if len(query) < len(pairs):
        raise ConfigurationError(f"{text!r} gives an option twice; keep one")
    host = parts.netloc if listed else parts.hostname or ""
    return Url(text, parts.scheme, host, port, unquote(parts.path), query)


def schemes(package: str) -> dict[str, str]:
    """Scheme → module for every implementation in `package` and its entry points.

    A module implements a scheme when it is private and not one of the package's own helpers:
    it has a top-level ``def open(``; found without importing it.
    """
    found = {}
    spec = importlib.util.find_spec(package)
    if spec is not None and spec.submodule_search_locations:
        for module in pkgutil.iter_modules(spec.submodule_search_locations):
            name = f"{package}.{module.name}"
            if module.name.startswith("_") and _defines_open(name):
                found[module.name[1:].replace("_", "-")] = name
    found.update({entry.name: entry.module for entry in entry_points(group=package)})
    return found


def open_url(package: str, text: str, **options: Any) -> Any:
    """Open `text` with the implementation its scheme names.

    Raises ConfigurationError for an unknown scheme or an implementation whose extra is missing.
    """
    url = parse_url(text)
    known = schemes(package)
    if url.scheme not in known:
        kind = package.rpartition(".")[2]
        raise ConfigurationError(f"{text!r}: no such scheme in {kind}; known: {sorted(known)}")
    try:
        return importlib.import_module(known[url.scheme]).open(url, **options)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing == __package__:
            raise
        raise ConfigurationError(
            f"{text!r} needs {missing or error}, which is not installed; run "
            f"`pip install '{_requirement(url.scheme, missing)}'`"
        ) from error


def _requirement(scheme: str, missing: str) -> str:
    """Our extra named like a part of the scheme or that brings the module; or else the module."""
    try:
        said = metadata(_DISTRIBUTION)
    except PackageNotFoundError:
        return missing
    extras = said.get_all("Provides-Extra") or []
    extra = next((part for part in scheme.split("-") if part in extras), None)
    extra = extra or _bringing(missing, said.get_all("Requires-Dist") or [])
    return f"{_DISTRIBUTION}[{extra}]" if extra else missing


def _bringing(module: str, requirements: list[str]) -> str | None:
    """The first extra that requires a distribution named like `module`; ``dev`` is not offered."""
    for requirement in requirements:
        found = re.match(r"([\w.-]+).*\bextra\s*==\s*['\"]([\w-]+)['\"]", requirement)
        if found and found[1].replace("-", "_") == module and found[2] != "dev":
            return found[2]
    return None


def _defines_open(module: str) -> bool:
    spec = importlib.util.find_spec(module)
    source = getattr(spec.loader, "get_source", None) if spec and spec.loader else None
    text = source(module) if source else None
    return bool(text and re.search(r"^def open\(", text, re.MULTILINE))
