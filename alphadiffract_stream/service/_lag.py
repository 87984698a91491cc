"""How far what is read is behind what happens, by the events' own times."""

from __future__ import annotations

import math
from collections.abc import Callable
from time import time

_FORGOTTEN = 1e-3
"""s by which the most punctual event is forgotten each second: clocks drift."""


class Lag:
    """By how much events come later than the most punctual have: clocks of two machines differ.

    clock: Unix time, s.
    """

    def __init__(self, clock: Callable[[], float] = time) -> None:
        self.seconds = 0.0
        self._clock = clock
        self._least = math.inf
        self._noted = 0.0

    def note(self, event_time: float | None) -> None:
        """An event of this Unix time has been read just now."""
        if event_time is None:
            return
        now = self._clock()
        passed, self._noted = max(0.0, now - self._noted), now
        late = now - event_time
        self._least = min(self._least + _FORGOTTEN * passed, late)
        self.seconds = late - self._least
