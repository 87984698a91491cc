"""What follows once every sink has a document: room for the next one, and rest for the spool."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from time import monotonic

from ..sources import Source
from ._backfill import Backfill
from ._metrics import Metrics
from ._run import Run
from ._sequencer import Ticket
from ._spool import Spool


class Bookkeeper:
    """The `Keeper` of every run. forget: called with a run that is closed."""

    def __init__(
        self,
        capacity: asyncio.Semaphore,
        spool: Spool | None,
        sources: Sequence[Source],
        metrics: Metrics,
        backfill: Backfill,
        forget: Callable[[Run], None],
    ) -> None:
        self._capacity = capacity
        self._spool = spool
        self._sources = sources
        self._metrics = metrics
        self._backfill = backfill
        self._forget = forget

    def answered(self, run: Run, ticket: Ticket, since: float) -> None:
        """Its place is free, and it need not be kept any longer."""
        self._capacity.release()
        self._metrics.stages.publish.observe(monotonic() - since)
        if self._spool is not None:
            run.settle(ticket)
            if ticket.entry is not None:
                self._spool.done(ticket.entry, run)

    def changed(self, run: Run, *, documents: bool = False) -> None:
        """It is to be written again."""
        if self._spool is not None:
            self._spool.touch(run, documents=documents)

    def holds(self, run: Run) -> bool:
        """Always, where nothing is to outlive the service."""
        return self._spool is None or self._spool.holds(run.uid)

    def unkept(self, run: Run) -> int:
        """What waits for its answer, where there is no spool."""
        return run.account.waiting if self._spool is None else self._spool.unkept(run.uid)

    def fills(self, run: Run) -> bool:
        """Asks the archive, where there is one."""
        return self._backfill.fills(run)

    def cut_short(self, run: Run) -> bool:
        """The archive was not asked to the end."""
        return self._backfill.cut_short(run)

    def settled(self, run: Run) -> None:
        """The sources are told that it is done with, and the spool forgets its documents."""
        if self._spool is not None:
            self._spool.close_run(run.uid)
        for source in self._sources:
            if source.name in run.sources and (settled := getattr(source, "settled", None)):
                settled(run.uid)

    def closed(self, run: Run) -> None:
        """Another service may go on with it, or this one when it is started again."""
        if self._spool is not None and run.released:
            self._spool.forget(run.uid)
        self._backfill.forget(run)
        self._forget(run)
