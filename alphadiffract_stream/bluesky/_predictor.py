"""A thread with an event loop and an engine, for programs that have no event loop to lend."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from dataclasses import replace
from time import monotonic
from types import TracebackType
from typing import Any, Self

from ..engines import Engine, open_engine
from ..errors import EngineError, PatternError
from ..grid import to_grid
from ..pattern import Pattern
from ..prediction import Latency, Prediction, failure, interpret, refusal
from ._engine_process import EngineProcess

log = logging.getLogger(__name__)


class Predictor:
    """Predictions in the background of a RunEngine's process.

    engine: as for ``serve``. isolated: run it in a process of its own, so that it neither holds up
    this one nor takes it along when it dies; an engine that is a server elsewhere needs none.
    background: as for ``serve``. timeout: s an engine may take for one call.
    Raises ConfigurationError or EngineError when the engine cannot be opened.
    """

    def __init__(
        self,
        engine: str = "onnx:",
        *,
        isolated: bool = True,
        background: str | None = None,
        timeout: float = 10.0,
    ) -> None:
        self.engine: Engine = (
            EngineProcess(engine, timeout=timeout) if isolated else open_engine(engine)
        )
        self.background = background
        self._timeout = timeout
        self._closed = False
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="alphadiffract", daemon=True)
        self._thread.start()

    def predict(self, pattern: Pattern) -> Future[Prediction]:
        """The prediction of `pattern`, when it is there; never an exception.

        A pattern that cannot be analysed is answered ``refused``, one whose engine does not answer
        ``failed``. To be called from any thread but the predictor's own.
        """
        return self.submit(self._predict(pattern))

    def submit(self, work: Coroutine[Any, Any, Any]) -> Future[Any]:
        """Run a coroutine on the predictor's event loop. Raises EngineError once closed."""
        if self._closed:
            work.close()
            raise EngineError("the predictor is closed")
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    def close(self) -> None:
        """End the engine and the thread; what is not answered is cancelled. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        asyncio.run_coroutine_threadsafe(self.engine.close(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()

    async def _predict(self, pattern: Pattern) -> Prediction:
        began = monotonic()
        try:
            grid = await asyncio.to_thread(to_grid, pattern, background=self.background)
        except PatternError as error:
            return refusal(pattern.origin, error)
        except Exception as error:
            log.exception("%s", pattern.origin)
            return failure(pattern.origin, error)
        converted = monotonic()
        rows = grid.intensity[None]
        try:
            async with asyncio.timeout(self._timeout + 5.0):
                outputs = await self.engine.infer(rows)
            card, name = self.engine.card, self.engine.name
            (prediction,) = interpret(outputs, [grid], [pattern], card, name)
        except Exception as error:
            return failure(pattern.origin, error, coverage=grid.coverage)
        now = monotonic()
        latency = Latency(0.0, (now - converted) * 1e3, (now - began) * 1e3)
        return replace(prediction, latency=latency)

    def _serve(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
        finally:
            waiting = asyncio.all_tasks(self.loop)
            for task in waiting:
                task.cancel()
            self.loop.run_until_complete(asyncio.gather(*waiting, return_exceptions=True))
            self.loop.run_until_complete(self.loop.shutdown_default_executor())
            self.loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
