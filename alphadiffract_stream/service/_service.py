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
from ..sources import (
    Dropped,
    Message,
    PatternReceived,
    PatternRefused,
    RunStarted,
    RunStopped,
    Source,
)
from ._batcher import Batcher, Job
from ._dispatcher import Dispatcher
from ._health import Health
from ._metrics import Metrics
from ._outlet import Outlet
from ._run import Run
from ._runs import Runs
from ._sequencer import Ticket
from ._settings import Settings
from ._tasks import after, cancel
from ._telemetry_state import State

log = logging.getLogger(__name__)

Task = asyncio.Task[Any]

_ABORT_GRACE = 2.0
"""s for sinks to take what is left after an abort."""
_STOPPED = "the service was stopped before the run"


class Service:
    """Answers every pattern of its sources, once, in order, and accounts for all of them.

    Owns its sources and sinks (closes them); the engines stay their opener's. One use: `run` once.
    `fallback` answers while `engine` is out of order; its predictions say so.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        sinks: Sequence[Sink],
        engine: Engine,
        settings: Settings,
        fallback: Engine | None = None,
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
        self._runs = Runs(engine, settings, self.metrics, self._emit)
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
        )
        self._capacity = asyncio.Semaphore(settings.queue_size)
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
        batcher = asyncio.create_task(self._batcher.run())
        watcher = asyncio.create_task(self._health.watch())
        writers = [asyncio.create_task(outlet.run()) for outlet in self._outlets]
        readers = [asyncio.create_task(self._read(source)) for source in self._sources]
        try:
            self.ready.set()
            await self._until_done(readers, [batcher, watcher, *writers])
            if not await self._within(self._drain(readers), self._settings.drain_timeout):
                log.error("stopped with events unanswered: they are answered failed")
                await cancel([*readers, batcher])
                await self._give_up()
        finally:
            await cancel([*readers, batcher, watcher, *writers])
            for outlet in self._outlets:
                await outlet.close()
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
        await cancel([stopping])

    # Messages in

    async def _read(self, source: Source) -> None:
        try:
            async for message in source:
                await self._take_safely(message, source.name)
                await asyncio.sleep(0)  # a source that never waits must not starve the answers
        except Exception:
            log.exception("source %s broke and is not read any more", source.name)
            self.metrics.source_errors[source.name] += 1
        self.metrics.sources_ended.add(source.name)
        ended = f"source {source.name} ended before the run"
        for run in self._runs:
            run.sources.discard(source.name)
            if not run.sources:
                run.finish(_STOPPED if self._stopping.is_set() else ended)

    async def _take_safely(self, message: Message, source: str) -> None:
        """One message that cannot be handled must not end the stream."""
        try:
            await self._take(message, source)
        except Exception:
            self.metrics.dropped += 1
            log.exception("source %s: dropped a %s", source, type(message).__name__)

    async def _take(self, message: Message, source: str) -> None:
        match message:
            case PatternReceived(pattern):
                await self._take_pattern(pattern, source)
            case PatternRefused(origin, error, metadata):
                if accepted := await self._accept(origin, source):
                    run, ticket = accepted
                    ticket.metadata = metadata
                    run.answer(ticket, refusal(origin, error))
            case RunStarted():
                self._runs.start(message).sources.add(source)
            case RunStopped(run_uid):
                if run := self._runs.get(run_uid):
                    run.stop(message)
                else:
                    log.warning(
                        "run %s stopped, but was not seen to start",
                        run_uid,
                        extra={"run_uid": run_uid},
                    )
            case Dropped(origin, reason):
                self.metrics.dropped += 1
                log.warning("%s dropped: %s", origin, reason)

    async def _take_pattern(self, pattern: Pattern, source: str) -> None:
        if not (accepted := await self._accept(pattern.origin, source)):
            return
        run, ticket = accepted
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

    async def _accept(self, origin: Origin, source: str) -> tuple[Run, Ticket] | None:
        """Wait for room, then count the event in; None where it must not be answered (again)."""
        received_at = monotonic()
        await self._capacity.acquire()
        run = self._runs.of(origin)
        if run is None:
            self.metrics.after_stop += 1
            log.warning("%s came after its run was closed: not answered", origin)
        else:
            run.sources.add(source)
            if ticket := run.accept(origin, received_at):
                return run, ticket
        self._capacity.release()
        return None

    # Documents out

    def _emit(
        self,
        name: str,
        document: Mapping[str, Any],
        *,
        answers: bool = False,
        settles: Run | None = None,
    ) -> None:
        """To every sink. Once all of them have it, an answer frees its place, and the sources of
        a run are told that it is done with."""
        then = partial(self._answered, monotonic()) if answers else None
        if settles is not None:
            then = partial(self._settle, settles)
        delivered = after(len(self._outlets), then) if then else None
        for outlet in self._outlets:
            outlet.put(name, document, delivered)
        if then and not self._outlets:
            then()

    def _answered(self, since: float) -> None:
        self._capacity.release()
        self.metrics.stages.publish.observe(monotonic() - since)

    def _settle(self, run: Run) -> None:
        for source in self._sources:
            if source.name in run.sources and (settled := getattr(source, "settled", None)):
                settled(run.uid)

    # The end

    async def _drain(self, readers: list[Task]) -> None:
        """Close the sources, answer what was accepted, close the runs, flush the sinks."""
        for source in self._sources:
            try:
                await source.close()
            except Exception:
                log.exception("closing source %s", source.name)
                self.metrics.source_errors[source.name] += 1
        await asyncio.gather(*readers)
        for run in self._runs:
            run.finish(_STOPPED)
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
        """Answer everything that is left ``failed``; sinks have a moment to take it."""
        await self._batcher.cancel()
        for run in self._runs:
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
