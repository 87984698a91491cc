"""Micro-batches: one pattern at once when idle, everything that waits when busy."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from time import monotonic

import numpy as np

from ..errors import EngineError
from ..grid import GridPattern
from ..pattern import Pattern
from ..prediction import Prediction, failure, interpret
from ._dispatcher import Dispatcher
from ._metrics import Metrics
from ._tasks import cancel

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Job:
    """One pattern on the canonical grid, and where its answer goes."""

    pattern: Pattern
    grid: GridPattern
    received_at: float
    """Monotonic clock, s."""
    answer: Callable[[Prediction, float, float], None]
    """Takes the prediction, ms it waited and ms the engine took."""
    convert: float = 0.0
    """s it took to put the pattern on the grid."""


class Batcher:
    """Feeds one dispatcher. Every job put in is answered once, unless `cancel` is called."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        metrics: Metrics,
        *,
        max_batch: int,
        max_in_flight: int,
        max_delay: float,
        moment: float | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """moment: s a batch may take; batches are then made as small as that needs. clock: s, the
        one of `Job.received_at`.
        """
        self._dispatcher = dispatcher
        self._metrics = metrics
        self._max_batch = max_batch
        self._max_in_flight = max_in_flight
        self._max_delay = max_delay
        self._jobs: deque[Job] = deque()  # bounded by what the service accepts
        self._in_flight: set[asyncio.Task[None]] = set()
        self._moment = moment
        self._clock = clock
        self._pace = 0.0
        """Patterns the engine takes in a moment, as the last batches show it."""
        self._taken = asyncio.Event()
        self._running = False
        self._filling = False
        """Whether a batch in flight still waits for company."""

    @property
    def limit(self) -> int:
        """Most patterns in the next batch."""
        if self._moment is None:
            return self._max_batch
        return max(1, min(self._max_batch, int(self._pace)))

    async def hungry(self) -> None:
        """Until less than a batch waits."""
        while len(self._jobs) >= self.limit:
            self._taken.clear()
            await self._taken.wait()

    def put(self, job: Job) -> None:
        """Queue one pattern; it is on its way to the engine at once where that has room."""
        self._jobs.append(job)
        self._start()

    async def run(self) -> None:
        """Serve until cancelled."""
        self._running = True
        self._start()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self._running = False

    async def cancel(self) -> None:
        """Give up on what is in flight; once this returns no more answers come."""
        self._running = False
        await cancel(list(self._in_flight))

    def _start(self) -> None:
        room = len(self._in_flight) < self._max_in_flight
        if self._jobs and room and self._running and not self._filling:
            # Waiting for company pays only while the engine is busy anyway.
            few = len(self._jobs) < self.limit
            self._filling = bool(self._max_delay and self._in_flight and few)
            task = asyncio.create_task(self._fill() if self._filling else self._serve(self._next()))
            self._in_flight.add(task)
            task.add_done_callback(self._finished)

    def _next(self) -> list[Job]:
        batch = [self._jobs.popleft() for _ in range(min(len(self._jobs), self.limit))]
        self._taken.set()
        return batch

    async def _fill(self) -> None:
        try:
            await asyncio.sleep(self._max_delay)
        finally:
            self._filling = False
        batch = self._next()
        self._start()
        await self._serve(batch)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._in_flight.discard(task)
        self._start()

    async def _serve(self, batch: list[Job]) -> None:
        began = self._clock()
        predictions = await self._predict(batch)
        compute = (self._clock() - began) * 1e3
        if self._moment is not None:
            shown = self._moment * len(batch) / max(compute / 1e3, 1e-6)
            # One slow batch is a hint; several are a fact.
            self._pace += (shown - self._pace) / 2
        stages = self._metrics.stages
        stages.infer.observe(compute / 1e3)
        for job in batch:
            stages.queue.observe(began - job.received_at - job.convert)
        self._metrics.batches += 1
        self._metrics.batched_patterns += len(batch)
        for job, prediction in zip(batch, predictions, strict=True):
            try:
                job.answer(prediction, (began - job.received_at) * 1e3, compute)
            except Exception:
                log.exception("%s: its answer could not be passed on", prediction.origin)

    async def _predict(self, batch: list[Job]) -> list[Prediction]:
        patterns = [job.pattern for job in batch]
        grids = [job.grid for job in batch]
        try:
            answer = await self._dispatcher.ask(np.stack([grid.intensity for grid in grids]))
            engine = answer.engine
            predictions = interpret(answer.outputs, grids, patterns, engine.card, engine.name)
            return [_marked(prediction, answer.flags) for prediction in predictions]
        except EngineError as error:
            reason: Exception = error
        except Exception as error:
            log.exception("interpreting a batch of %d", len(batch))
            reason = error
        return [failure(job.pattern.origin, reason, coverage=job.grid.coverage) for job in batch]


def _marked(prediction: Prediction, flags: tuple[str, ...]) -> Prediction:
    return replace(prediction, flags=(*prediction.flags, *flags)) if flags else prediction
