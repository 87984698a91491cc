"""How many documents a second one run may send before the others are protected from it."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

_RUNS = 1000


class Rate:
    """A bucket for each run: `most` documents at once, and as many again each second."""

    def __init__(self, most: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.most = most
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """Documents there is room for, and when that was so; by run, the last one used last."""

    def exceeded(self, run: str) -> bool:
        """Count one document of `run` (or of one of its streams); whether it is one too many."""
        now = self._clock()
        room, since = self._buckets.pop(run, (self.most, now))
        room = min(self.most, room + (now - since) * self.most)
        over = room < 1
        self._buckets[run] = (room if over else room - 1, now)
        if len(self._buckets) > _RUNS:
            self._buckets.popitem(last=False)
        return over
