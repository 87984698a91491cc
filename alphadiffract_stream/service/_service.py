"""The whole way of a pattern: sources → grid → engine → documents → sinks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from functools import partial
from time import monotonic
from typing import Any

from ..engines import Engine
from ..errors import EngineError, PatternError
from ..grid import GridPattern, to_grid
from ..pattern import Origin, Pattern
from ..prediction import failure, refusal
from ..sinks import Sink
from ..sources import PatternRefused, Source
from ._archive import Archive, archive_of
from ._backfill import Backfill
from ._batcher import Batcher, Job
from ._bookkeeper import Bookkeeper
from ._dispatcher import Dispatcher
from ._health import Health
from ._inlet import Inlet
from ._intake import Intake
from ._keeper import Delivered
from ._metrics import Metrics
from ._newest import Newest
from ._outlet import Outlet
from ._resumption import resume
from ._returned_memory import return_memory
from ._run import Run
from ._runs import Runs
from ._sequencer import Ticket
from ._settings import Settings
from ._spool import Event, Spool
from ._tasks import after, cancel
from ._telemetry_state import State

log = logging.getLogger(__name__)

Task = asyncio.Task[Any]

_ABORT_GRACE = 2.0
"""s for sinks to take what is left after an abort."""
_MOMENT = 0.15
"""s the engine may take for what waits, under the policy ``latest``. What is before and in the
engine comes on top of it."""
_STOPPED = "the service was stopped before the run"


class Service:
    """Answers every pattern of its sources, once, in order, and accounts for all of them.

    Owns its sources and sinks (closes them); the engines stay their opener's. One use: `run` once.
    `fallback` answers while `engine` is out of order; its predictions say so. `archive` opens what
    was kept of a run, to fetch from there what is missing; by default, what the settings name.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        sinks: Sequence[Sink],
        engine: Engine,
        settings: Settings,
        fallback: Engine | None = None,
        archive: Archive | None = None,
    ) -> None:
        self.metrics = Metrics()
        self.ready = asyncio.Event()
        """Set once sources are read and the engine is served."""
        self._settings = settings
        self._sources = sources
        for source in sources:
            if decoding := getattr(source, "decoding", None):
                decoding.observe = self.metrics.stages.decode.observe
        self._outlets = [Outlet(sink, self.metrics, settings.sink_timeout) for sink in sinks]
        self._capacity = asyncio.Semaphore(settings.queue_size)
        self._spool = None
        if settings.spool is not None:
            self._spool = Spool(settings.spool, settings.spool_size, self.metrics)
        self._backfill = Backfill(
            archive or archive_of(settings),
            self._take_back,
            self.metrics,
            settings.backfill_timeout,
        )
        keeper = Bookkeeper(
            self._capacity, self._spool, sources, self.metrics, self._backfill, self._forget
        )
        self._runs = Runs(engine, settings, self.metrics, self._emit, keeper, self._spool)
        self._health = self._health_of(engine)
        self._batcher = Batcher(
            Dispatcher(
                engine,
                fallback,
                self._health,
                self.metrics,
                timeout=settings.engine_timeout,
                hold_timeout=settings.hold_timeout,
            ),
            self.metrics,
            max_batch=min(settings.max_batch, engine.max_batch),
            max_in_flight=settings.max_in_flight,
            max_delay=settings.max_delay,
            moment=_MOMENT if settings.policy == "latest" else None,
        )
        newest = None
        if settings.policy == "latest":
            newest = Newest(_MOMENT, lambda: self._batcher.limit, self._batcher.hungry)
        self._intake = Intake(
            self._runs,
            self._capacity,
            self._spool,
            newest,
            self.metrics,
            self._begin,
            slow=settings.background is not None,
        )
        self._inlet = Inlet(
            self._runs,
            self._intake,
            self._spool,
            self.metrics,
            self._ended,
            latest=settings.policy == "latest",
        )
        self._stopping = asyncio.Event()
        self._aborting = asyncio.Event()
        self.state = State(
            settings,
            self.metrics,
            self._runs,
            sources,
            self._outlets,
            self._health,
            None if fallback is None else self._health_of(fallback),
            self.ready,
            self._stopping,
            self._spool,
        )
        """What the service can say of itself."""

    def _health_of(self, engine: Engine) -> Health:
        interval, timeout = self._settings.health_interval, self._settings.health_timeout
        return Health(engine, self.metrics, interval=interval, timeout=timeout)

    def stop(self) -> None:
        """Take no more; answer what was accepted, close the runs, flush the sinks."""
        self._stopping.set()

    def abort(self) -> None:
        """Stop at once: what is not answered yet is answered ``failed``."""
        self._stopping.set()
        self._aborting.set()

    async def run(self) -> Metrics:
        """Serve until every source has ended or `stop` is called. Returns the counts."""
        feeders = [self._batcher.run(), self._intake.read_back(), self._intake.feed_newest()]
        answering = [asyncio.create_task(feeder) for feeder in feeders]
        others = [
            self._health.watch(),
            return_memory(lambda: self.metrics.waiting > self._batcher.limit),
            *(outlet.run() for outlet in self._outlets),
        ]
        if self._spool is not None:
            self._resume(self._spool)
            others.append(self._spool.run())
        workers = [*answering, *map(asyncio.create_task, others)]
        readers = [asyncio.create_task(self._inlet.read(source)) for source in self._sources]
        try:
            self.ready.set()
            await self._until_done(readers, workers)
            if not await self._within(self._drain(readers), self._settings.drain_timeout):
                await cancel([*readers, *answering])
                await self._backfill.close()
                await self._give_up()
        finally:
            await cancel([*readers, *workers])
            await self._backfill.close()
            for outlet in self._outlets:
                await outlet.close()
            if self._spool is not None:
                await self._spool.close()
        return self.metrics

    async def _until_done(self, readers: list[Task], workers: list[Task]) -> None:
        """Until the sources end or a stop is asked for. Raises what a worker died of."""
        stopping = asyncio.create_task(self._stopping.wait())
        pending = set(readers)
        while pending and not self._stopping.is_set():
            done, _ = await asyncio.wait(
                {*pending, *workers, stopping}, return_when=asyncio.FIRST_COMPLETED
            )
            pending -= done
            for worker in done.intersection(workers):
                worker.result()
            workers = [worker for worker in workers if not worker.done()]
        await cancel([stopping])

    # Messages in

    def _ended(self, source: Source) -> None:
        """A source has ended; so have the runs that no other one brings events of."""
        for run in self._runs:
            run.sources.discard(source.name)
            if not run.sources and not self._stopping.is_set():
                run.finish(f"source {source.name} ended before the run")
            elif not run.sources:
                self._finish(run, goes_on=hasattr(source, "recall"))

    async def _take_back(self, message: Event, origin: Origin) -> None:
        """An event that was missing; it does not push newer ones aside."""
        await self._intake.room()
        await self._intake.take(message, origin)

    async def _begin(self, run: Run, ticket: Ticket, message: Event) -> None:
        """Put one accepted pattern on the grid and before the engine; or refuse it."""
        if isinstance(message, PatternRefused):
            ticket.metadata = message.metadata
            run.answer(ticket, refusal(message.origin, message.error))
            return
        pattern = message.pattern
        ticket.metadata = pattern.metadata
        ticket.energy, ticket.energy_source = pattern.energy, pattern.wavelength_source
        began = monotonic()
        try:
            grid = await self._to_grid(pattern)
        except PatternError as error:
            run.answer(ticket, refusal(pattern.origin, error))
        except Exception as error:
            log.exception("%s", pattern.origin)
            run.answer(ticket, failure(pattern.origin, error))
        else:
            convert = monotonic() - began
            self.metrics.stages.convert.observe(convert)
            answer = partial(run.answer, ticket)
            self._batcher.put(Job(pattern, grid, ticket.received_at, answer, convert))

    async def _to_grid(self, pattern: Pattern) -> GridPattern:
        background = self._settings.background
        if background is None:
            return to_grid(pattern)
        # Milliseconds, not a tenth of one: too long for the event loop.
        return await asyncio.to_thread(to_grid, pattern, background=background)

    # Documents out

    def _emit(
        self, name: str, document: Mapping[str, Any], delivered: Delivered | None = None
    ) -> None:
        """To every sink. Once all of them have it or have lost it, `delivered` is called."""
        then = after(len(self._outlets), delivered) if delivered else None
        for outlet in self._outlets:
            outlet.put(name, document, then)
        if delivered and not self._outlets:
            delivered()

    def _forget(self, run: Run) -> None:
        self._runs.forget(run)

    # What was there before

    def _resume(self, spool: Spool) -> None:
        """Go on with the runs that were open when the service ended."""
        spool.on_kept = self._kept
        runs = self._runs.resume(spool)
        resume(runs, self._sources, self._outlets, self._settings.resume_wait)

    def _kept(self) -> None:
        for run in self._runs:
            run.advance()

    # The end

    def _finish(self, run: Run, *, goes_on: bool = True) -> None:
        """The service ends before the run; which goes on after a restart, where it can."""
        if self._spool is not None and goes_on:
            run.suspend()
        else:
            run.finish(_STOPPED)

    async def _drain(self, readers: list[Task]) -> None:
        """Close the sources, answer what was accepted, close the runs, flush the sinks."""
        if self._stopping.is_set():
            self._backfill.stop()
        for source in self._sources:
            try:
                await source.close()
            except Exception:
                log.exception("closing source %s", source.name)
                self.metrics.source_errors[source.name] += 1
        await asyncio.gather(*readers)
        for run in self._runs:
            self._finish(run)
        await self._runs.until_closed()
        for outlet in self._outlets:
            await outlet.flush()

    async def _within(self, draining: Any, limit: float) -> bool:
        """Whether `draining` ended in time and before an abort."""
        tasks = [asyncio.create_task(draining), asyncio.create_task(self._aborting.wait())]
        await asyncio.wait(tasks, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        drained = tasks[0].done()
        await cancel(tasks)
        if drained:
            tasks[0].result()
        return drained

    async def _give_up(self) -> None:
        """Answer everything that is left ``failed``, unless it is answered after a restart.

        Sinks have a moment to take what is theirs.
        """
        await self._batcher.cancel()
        if self._spool is None:
            log.error("stopped with events unanswered: they are answered failed")
        else:
            waiting = self.metrics.waiting
            log.warning("stopped; %d events are answered when the service is started", waiting)
        for run in self._runs if self._spool is None else ():
            for ticket in run.unanswered():
                error = EngineError("the service was aborted before the engine answered")
                run.answer(ticket, failure(ticket.origin, error))
            run.finish(_STOPPED)
        try:
            async with asyncio.timeout(_ABORT_GRACE):
                for outlet in self._outlets:
                    await outlet.flush()
        except TimeoutError:
            log.error("a sink did not take all its documents")
