"""Files on which libhdf5 was lost, so that one of them does not cost its time again and again."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import Path

_REMEMBERED = 1000
_OFTEN = 3
_PAUSE = 60.0
"""s that a file is left alone that is written to and was lost on so often."""


@dataclass(frozen=True, slots=True)
class _Blame:
    reason: str
    signature: tuple[int, int, int] | None
    times: int
    when: float


class Blamed:
    """By path: a file is left alone while it is the same, and for a while where it never ends."""

    def __init__(self) -> None:
        self._blames: dict[Path, _Blame] = {}
        self._lock = threading.Lock()

    def add(self, path: Path, reason: str) -> None:
        """It happened once more."""
        with self._lock:
            before = self._blames.pop(path, None)
            times = before.times + 1 if before else 1
            self._blames[path] = _Blame(reason, _signature(path), times, time.monotonic())
            if len(self._blames) > _REMEMBERED:
                del self._blames[next(iter(self._blames))]

    def discard(self, path: Path) -> None:
        """It was read."""
        with self._lock:
            self._blames.pop(path, None)

    def reason(self, path: Path) -> str:
        """Why `path` is not opened now, or ""."""
        with self._lock:
            blame = self._blames.get(path)
        if blame is None:
            return ""
        if blame.signature == _signature(path):
            return f"{blame.reason}, and the file is still the same"
        if blame.times >= _OFTEN and time.monotonic() - blame.when < _PAUSE:
            return f"{blame.reason}, {blame.times} times already; not opened for {_PAUSE:g} s"
        return ""


def _signature(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
