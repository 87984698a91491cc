"""Which files of a folder are new and complete. No event loop in here."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from ._file import natural
from ._formats import SUFFIXES

EMPTY_PATIENCE = 30.0
"""Seconds an empty file may wait for its first byte before it is read (and refused)."""


@dataclass(slots=True)
class _Pending:
    size: int
    mtime_ns: int
    since: float
    """time.monotonic() when this size and time were first seen."""


class Folder:
    """Files below `path` that match, from first sight to being read."""

    def __init__(
        self,
        path: Path,
        *,
        pattern: str,
        recursive: bool,
        settle: float,
        suffixes: Collection[str] = frozenset(SUFFIXES),
    ) -> None:
        """suffixes: endings a plain ``*`` takes."""
        self.path = path.resolve()
        self._suffixes = suffixes
        self.pattern = pattern
        self.recursive = recursive
        self.settle = settle
        self._pending: dict[Path, _Pending] = {}
        self._read: dict[Path, tuple[int, int]] = {}
        self._known: dict[Path, tuple[int, int]] = {}
        self._reported: set[Path] = set()

    def begin(self, *, existing: bool) -> None:
        """Note what is there already: to be read, or to be left unless it changes.

        Raises OSError where the folder cannot be read.
        """
        for path in self._scan():
            signature = _signature(path)
            if signature and not existing:
                self._known[path] = signature

    def look(self, touched: set[Path] | None) -> tuple[list[Path], list[Path]]:
        """(complete, changed): files to read now, oldest first, and read ones that were changed.

        touched: paths something happened to; None looks through the folder. A file is complete
        when size and time have stood still for `settle` while we looked; its own time proves
        nothing where the file server's clock is not ours. Raises OSError where the folder is gone.
        """
        paths = self._scan() if touched is None else (p for p in touched if self.matches(p))
        changed = [path for path in list(paths) if self._notice(path)]
        complete = []
        for path, pending in list(self._pending.items()):
            signature = _signature(path)
            if signature is None:
                # Renamed or removed by its writer before it was complete.
                del self._pending[path]
            elif signature != (pending.size, pending.mtime_ns):
                self._pending[path] = _Pending(*signature, time.monotonic())
            elif self._complete(pending):
                complete.append(path)
        complete.sort(key=lambda path: (self._pending[path].mtime_ns, natural(path)))
        for path in complete:
            pending = self._pending[path]
            self._read[path] = (pending.size, pending.mtime_ns)
        return complete, changed

    def done(self, path: Path) -> None:
        """`path` was read; from now on it is only watched for changes."""
        self._pending.pop(path, None)

    def again(self, path: Path) -> None:
        """`path` could not be read yet: its time of standing still begins anew."""
        del self._read[path]
        self._pending[path].since = time.monotonic()

    def unread(self) -> list[Path]:
        """Files seen and not read."""
        return sorted(self._pending, key=natural)

    def matches(self, path: Path) -> bool:
        """Whether `path` is one of the files asked for; hidden ones only by name."""
        if self.pattern == "*":
            return path.suffix.lower() in self._suffixes and not path.name.startswith(".")
        if "/" in self.pattern:
            return path.is_relative_to(self.path) and fnmatch(
                str(path.relative_to(self.path)), self.pattern
            )
        hidden = path.name.startswith(".") and not self.pattern.startswith(".")
        return not hidden and fnmatch(path.name, self.pattern)

    def _scan(self) -> Iterator[Path]:
        # os.scandir at the top, so that a folder that went away raises and is not just empty.
        with os.scandir(self.path) as entries:
            top = sorted(entry.path for entry in entries)
        for name in top:
            path = Path(name)
            if self.matches(path):
                yield path
            if self.recursive and path.is_dir() and not path.is_symlink():
                for folder, _, names in os.walk(path):
                    below = (Path(folder, one) for one in sorted(names))
                    yield from (one for one in below if self.matches(one))

    def _notice(self, path: Path) -> bool:
        """Take note of `path`; True, once, when it was read before and has changed since."""
        signature = _signature(path)
        if signature is None or path in self._pending or self._known.get(path) == signature:
            return False
        if path not in self._read:
            self._known.pop(path, None)
            self._pending[path] = _Pending(*signature, time.monotonic())
            return False
        if self._read[path] == signature or path in self._reported:
            return False
        self._reported.add(path)
        return True

    def _complete(self, pending: _Pending) -> bool:
        patience = self.settle if pending.size else max(EMPTY_PATIENCE, self.settle)
        return time.monotonic() - pending.since >= patience


def _signature(path: Path) -> tuple[int, int] | None:
    """Size and time of a regular file; None for anything else, or nothing."""
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_size, status.st_mtime_ns) if path.is_file() else None
