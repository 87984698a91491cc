"""From a source's message to a place in the order: how much is taken, kept, and passed over."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic, time

from ..pattern import Origin
from ..sources import PatternRefused
from ._metrics import Metrics
from ._newest import Newest
from ._run import Run
from ._runs import Runs
from ._sequencer import Ticket
from ._spool import Entry, Event, Spool

log = logging.getLogger(__name__)

Begin = Callable[[Run, Ticket, Event], Awaitable[None]]
"""Starts to answer one event."""


class Intake:
    """Accepts events while there is room.

    Without a spool a source waits for room in memory. With one, events go to disk as well, and
    those there is no room for are read back later, in the order they came; the source waits only
    while the spool is full. newest: given for the policy ``latest``; it takes what waits.
    """

    def __init__(
        self,
        runs: Runs,
        capacity: asyncio.Semaphore,
        spool: Spool | None,
        newest: Newest | None,
        metrics: Metrics,
        begin: Begin,
        *,
        slow: bool = False,
    ) -> None:
        """slow: beginning takes long; where there is a spool no source waits for it."""
        self._slow = slow
        self._runs = runs
        self._capacity = capacity
        self._spool = spool
        self._newest = newest
        self._metrics = metrics
        self._begin = begin

    async def take(self, message: Event, origin: Origin, source: str | None = None) -> None:
        """Accept one event, unless it came before or its run is closed.

        source: the one that gives the run; None for an event that did not come that way.
        """
        received_at = monotonic()
        if self._spool is None:
            await self._capacity.acquire()
        else:
            await self._spool.room()
        run = self._admitted(origin, source)
        if run is None:
            if self._spool is None:
                self._capacity.release()
            return
        entry = None
        if self._spool is not None:
            full = self._newest is None and (self._slow or self._capacity.locked())
            parked = full or self._spool.backlog > 0
            entry = self._spool.keep(run.uid, message, parked=parked)
            if parked:
                return
            await self._capacity.acquire()
        await self._register(run, message, origin, received_at, entry)

    async def room(self) -> None:
        """Wait until the engine can take another one: for sources that keep the newest."""
        if self._newest is not None:
            await self._newest.room()

    def pass_over(self, origins: Sequence[Origin], source: str) -> None:
        """Count events that a source passed over."""
        changed: dict[str, Run] = {}
        for origin in origins:
            run = self._runs.of(origin)
            if run is None:
                self._metrics.after_stop += 1
                continue
            run.sources.add(source)
            run.pass_over(origin)
            changed[run.uid] = run
        if self._newest is not None and origins:
            self._newest.passed_over(origins[-1])
        for run in changed.values():
            if self._spool is not None:
                self._spool.touch(run)
            run.advance()

    async def read_back(self) -> None:
        """Answer what waits on disk, as room comes free, until cancelled."""
        spool = self._spool
        while spool is not None:
            await spool.wait()
            await self._capacity.acquire()
            entry, message = await spool.next()
            run = self._runs.get(entry.run_uid)
            if run is None:
                self._capacity.release()
                log.error("run %s is closed, and an event of it is in the spool", entry.run_uid)
                continue
            received_at = monotonic() - max(0.0, time() - entry.arrived)
            await self._register(run, message, _origin(message), received_at, entry)

    def _admitted(self, origin: Origin, source: str | None) -> Run | None:
        run = self._runs.of(origin)
        if run is None:
            self._metrics.after_stop += 1
            log.warning("%s came after its run was closed: not answered", origin)
            return None
        if source is not None:
            run.sources.add(source)
        return run if run.admit(origin) else None

    async def _register(
        self, run: Run, message: Event, origin: Origin, received_at: float, entry: Entry | None
    ) -> None:
        ticket = run.register(origin, received_at, entry)
        if self._newest is None:
            await self._begin(run, ticket, message)
        else:
            self._newest.put((run, ticket, message))

    async def feed_newest(self) -> None:
        """Answer the newest of what waits whenever the engine can take some, until cancelled."""
        while self._newest is not None:
            item = await self._newest.next()
            began = monotonic()
            await self._begin(*item)
            self._newest.took(monotonic() - began)


def _origin(message: Event) -> Origin:
    return message.origin if isinstance(message, PatternRefused) else message.pattern.origin
