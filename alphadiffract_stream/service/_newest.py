"""The policy ``latest``: when the engine is too slow, newer patterns go before older ones."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import replace
from time import monotonic

from ..errors import PatternError
from ..pattern import Origin
from ..prediction import Prediction, refusal
from ._lag import Lag
from ._run import Run
from ._sequencer import Ticket
from ._spool import Event

SKIPPED = "skipped"
"""Flag of refusals of patterns that were passed over."""
_ERROR = PatternError(
    "policy",
    "latest, and newer patterns came before the engine was free",
    "set policy=lossless to have every pattern answered",
)

_BEHIND = 0.15
"""s that reading may be behind before the engine is held back for it."""
_EASE = 0.03
"""s of a pause before each pattern, for each second more."""
_RECENT = 1.0
"""s since something was passed over by a source: without a flood nothing is held back."""

Item = tuple[Run, Ticket, Event]


class Newest:
    """What waits for the engine: never more than it takes in a moment; the oldest are refused.

    limit: how many the engine takes in a `moment` (s). hungry: waits until it can take another.
    """

    def __init__(
        self, moment: float, limit: Callable[[], int], hungry: Callable[[], Awaitable[None]]
    ) -> None:
        self._moment = moment
        self._each = 0.0
        """s it takes to put one before the engine; with background removal more than its own."""
        self._limit = limit
        self._hungry = hungry
        self._items: deque[Item] = deque()
        self._filled = asyncio.Event()
        self._taken = asyncio.Event()
        self._lag = Lag()
        self._passed_at = -math.inf

    def __len__(self) -> int:
        return len(self._items)

    async def room(self) -> None:
        """Wait until one more may wait: for sources that pass over by themselves what is old."""
        while len(self._items) >= self.limit:
            self._taken.clear()
            await self._taken.wait()

    @property
    def limit(self) -> int:
        """How many may wait now."""
        engine = self._limit()
        if self._each * engine <= self._moment:
            return engine
        return max(1, int(self._moment / self._each))

    def took(self, seconds: float) -> None:
        """It took so long to put one before the engine."""
        self._each += (seconds - self._each) / 4

    def passed_over(self, origin: Origin) -> None:
        """A source has read as far as this event, and passed it over."""
        self._lag.note(origin.time)
        self._passed_at = monotonic()

    @property
    def pause(self) -> float:
        """s the engine is to be left alone before the next one, so that reading comes first.

        On few cores it else takes from reading what it takes, and newer patterns wait unread.
        """
        if monotonic() - self._passed_at > _RECENT:
            return 0.0
        return _EASE * max(0.0, self._lag.seconds - _BEHIND)

    def put(self, item: Item) -> None:
        """Let one wait; those there are too many of are answered at once, the oldest first."""
        self._lag.note(item[1].origin.time)
        self._items.append(item)
        while len(self._items) > self.limit:
            run, ticket, _ = self._items.popleft()
            ticket.skipped = True
            run.answer(ticket, _refusal(ticket))
        self._filled.set()

    async def next(self) -> Item:
        """The oldest of those that still wait, once the engine can take it."""
        while True:
            await self._hungry()
            if (pause := self.pause) > 0:
                await asyncio.sleep(pause)
            if self._items:
                self._taken.set()
                return self._items.popleft()
            self._filled.clear()
            await self._filled.wait()


def _refusal(ticket: Ticket) -> Prediction:
    return replace(refusal(ticket.origin, _ERROR), flags=(SKIPPED,))
