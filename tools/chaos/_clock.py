"""The service's wall clock, put forward and back while it runs: by libfaketime, where it is."""

from __future__ import annotations

import time
from pathlib import Path

_PLACES = ("/usr/lib/*/faketime", "/usr/lib64/faketime", "/usr/local/lib/faketime")
_NAME = "libfaketimeMT.so.1"


def library() -> Path | None:
    """Where it is; None where it is not (Debian: apt install libfaketime)."""
    for place in _PLACES:
        for found in sorted(Path("/").glob(f"{place[1:]}/{_NAME}")):
            return found
    return None


class Clock:
    """What the service's processes see as the time. Monotonic clocks stay what they are."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self.jump(0.0)

    def settings(self) -> dict[str, str]:
        """Environment of a process that is to see this clock."""
        found = library()
        assert found is not None
        return {
            "LD_PRELOAD": str(found),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }

    def jump(self, seconds: float) -> None:
        """From now on it is so many seconds off."""
        self.offset = seconds
        partial = self._file.with_suffix(".partial")
        partial.write_text(f"{seconds:+.3f}\n")
        partial.replace(self._file)

    def off(self, told: float) -> float:
        """s by which a time the service tells now is not what it should be."""
        return abs(told - time.time() - self.offset)
