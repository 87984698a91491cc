"""What comes faster than it is taken: the newest events are kept, the others known by name."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from time import monotonic

from ..pattern import Origin
from ..wire import document_name
from ._messages import PatternsSkipped
from ._receiver import Closed, Receiver

_MOST = 250
"""Messages read before old ones are passed over."""
_GO = 0.03
"""s of reading in one go: others wait meanwhile, and a flood does not."""
_TOLD = 50_000
"""Events passed over that may wait to be told of, before no more are read."""
_MOMENT = 0.1
"""s in which what waits can be taken."""
_BREATH = 0.002
"""s between reading and reading on, so that one go takes many."""

Frames = list[bytes]


class Shedding:
    """Reads a receiver whether it is asked for more or not, from the first `receive` on.

    fewest: events that may wait; more where more than these were taken in a moment. pass_over:
    where an event comes from, for one whose data nobody will look at; None for one that must be
    read all the same. Everything that is no event is kept. Where too many are kept for that, or too
    many wait to be told of, it does not read on until they are taken, and the socket holds what
    comes.
    """

    def __init__(
        self, receiver: Receiver, fewest: int, pass_over: Callable[[bytes], Origin | None]
    ) -> None:
        self._receiver = receiver
        self._fewest = self._keep = fewest
        self._count, self._since = 0, monotonic()
        self._pass_over = pass_over
        self._queue: deque[Frames | PatternsSkipped] = deque()
        self._events = 0
        self._told = 0
        self.works = True
        """Whether events could be passed over when there were too many."""
        self._filled = asyncio.Event()
        self._taken = asyncio.Event()
        self._reading: asyncio.Task[None] | None = None

    async def receive(self, patience: float | None) -> Frames | PatternsSkipped | None:
        """What comes next; None after `patience` s. Raises Closed once all of it was given."""
        if self._reading is None:
            self._reading = asyncio.create_task(self._read())
        if not self._queue:
            self._filled.clear()
            if self._reading.done():
                self._reading.result()
                raise Closed
            try:
                async with asyncio.timeout(patience):
                    await self._filled.wait()
            except TimeoutError:
                return None
            if not self._queue:
                return await self.receive(patience)
        item = self._queue.popleft()
        if isinstance(item, PatternsSkipped):
            self._told -= len(item.origins)
        is_event = _is_event(item)
        self._events -= is_event
        self._count += is_event
        self._taken.set()
        return item

    async def _read(self) -> None:
        try:
            while True:
                self._put(await self._receiver.receive(None) or [])
                self._catch_up()
                self._filled.set()
                while self._events > self._keep or self._told > _TOLD:
                    self._taken.clear()
                    await self._taken.wait()
                await asyncio.sleep(_BREATH)
        except Closed:
            pass
        finally:
            self._filled.set()

    def _catch_up(self) -> None:
        """Take what is there already, before answers take the event loop's next turn."""
        until = monotonic() + _GO
        full = True
        while full and self._told <= _TOLD and monotonic() < until:
            messages = self._receiver.ready(_MOST)
            for frames in messages:
                self._put(frames)
            full = len(messages) == _MOST
            self._look_at_pace()
            if self._events > self._keep:
                self._shed()
                self.works = self._events <= self._keep
                full = full and self.works

    def _look_at_pace(self) -> None:
        passed = monotonic() - self._since
        if passed >= _MOMENT:
            self._keep = max(self._fewest, round(self._count * _MOMENT / passed))
            self._count, self._since = 0, monotonic()

    def _put(self, frames: Frames) -> None:
        self._queue.append(frames)
        self._events += _is_event(frames)

    def _shed(self) -> None:
        """Go through the queue once, oldest first, until there are few enough."""
        kept: deque[Frames | PatternsSkipped] = deque()
        origins: list[Origin] = []
        while self._queue:
            item = self._queue.popleft()
            if isinstance(item, PatternsSkipped):
                origins += item.origins
                continue
            too_many = self._events > self._keep and _is_event(item)
            if too_many and (origin := self._pass_over(item[0])):
                origins.append(origin)
                self._events -= 1
                self._told += 1
                continue
            if origins:
                kept.append(PatternsSkipped(origins))
                origins = []
            kept.append(item)
        if origins:
            kept.append(PatternsSkipped(origins))
        self._queue = kept


def _is_event(item: Frames | PatternsSkipped) -> bool:
    return isinstance(item, list) and len(item) == 1 and document_name(item[0]) == b"event"
