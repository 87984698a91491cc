"""Which engine answers: the one asked for; or the operator's other; or nobody until it is back."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import fields
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..engines import Engine
from ..errors import EngineError
from ..prediction import Outputs
from ._health import Health
from ._metrics import Metrics

log = logging.getLogger(__name__)

_ATTEMPTS = 2
FALLBACK = "fallback"
"""Flag of predictions that another engine than the one asked for has made."""


class Answer(NamedTuple):
    """Raw outputs, and who really gave them."""

    outputs: Outputs
    engine: Engine
    flags: tuple[str, ...] = ()


class Dispatcher:
    """Asks the engine; where it is out of order, the fallback; without one, waits for it.

    Only an engine elsewhere is waited for: one in this process does not come back by itself, and
    its batches fail. A batch also fails if it is refused by an engine that is in order.
    """

    def __init__(
        self,
        engine: Engine,
        fallback: Engine | None,
        health: Health,
        metrics: Metrics,
        *,
        timeout: float,
        hold_timeout: float | None,
    ) -> None:
        self._engine = engine
        self._fallback = fallback
        self._health = health
        self._metrics = metrics
        self._timeout = timeout
        self._hold_timeout = hold_timeout
        self._returns = getattr(engine, "remote", False)

    async def ask(self, rows: NDArray[np.float32]) -> Answer:
        """An answer to (N, 8192) patterns. Raises EngineError where there is none to be had."""
        error = EngineError(f"{self._engine.name}: out of order")
        no_choice = self._fallback is None and not self._returns
        while True:
            if self._health.in_order or no_choice:
                try:
                    return Answer(await self._persist(rows), self._engine)
                except EngineError as caught:
                    error = caught
                if self._health.in_order or no_choice:
                    raise error
            if self._fallback:
                try:
                    return await self._fall_back(self._fallback, rows)
                except EngineError as caught:
                    error = caught
                    log.error("fallback %s: %s", self._fallback.name, caught)
            if not self._returns or not await self._hold(len(rows)):
                raise error

    async def _persist(self, rows: NDArray[np.float32]) -> Outputs:
        """Attempts until it answers, is found broken, or fails beside a right golden answer."""
        error = EngineError(f"{self._engine.name}: not asked")
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return await self._attempt(rows, attempt)
            except EngineError as caught:
                error = caught
            if not self._health.in_order:
                raise error
        # The batch's fault or the engine's? If the engine is well, it may just have come back.
        if not await self._health.check():
            raise error
        try:
            return await self._attempt(rows, _ATTEMPTS + 1)
        except EngineError:
            await self._health.check()
            raise

    async def _attempt(self, rows: NDArray[np.float32], attempt: int) -> Outputs:
        name = self._engine.name
        try:
            outputs = await self._health.limited(self._engine.infer(rows), self._timeout)
            if len(outputs) != len(rows):
                raise EngineError(f"{len(outputs)} answers to {len(rows)} patterns")
            return outputs
        except TimeoutError:
            error = EngineError(
                f"{name}: no answer within {self._timeout:g} s"
                if self._health.in_order
                else f"{name}: found out of order while it was asked"
            )
        except EngineError as caught:
            error = caught
        except Exception as caught:
            log.exception("engine %s raised what no engine should", name)
            error = EngineError(f"{name}: {caught!r}")
        self._metrics.engine_errors += 1
        log.error("attempt %d, batch of %d: %s", attempt, len(rows), error)
        raise error

    async def _fall_back(self, engine: Engine, rows: NDArray[np.float32]) -> Answer:
        parts = []
        for first in range(0, len(rows), engine.max_batch):
            try:
                async with asyncio.timeout(self._timeout):
                    parts.append(await engine.infer(rows[first : first + engine.max_batch]))
            except TimeoutError:
                raise EngineError(f"{engine.name}: no answer within {self._timeout:g} s") from None
        outputs = parts[0] if len(parts) == 1 else _joined(parts)
        self._metrics.fallback_answers += len(rows)
        flags: tuple[str, ...] = (FALLBACK,)
        if engine.card.sha256 != self._engine.card.sha256:
            flags += (f"model:{engine.card.name}-{engine.card.version}",)
        return Answer(outputs, engine, flags)

    async def _hold(self, n: int) -> bool:
        """Wait with `n` patterns until the engine is back; False when that took too long."""
        self._metrics.held += n
        try:
            return await self._health.until_in_order(self._hold_timeout)
        finally:
            self._metrics.held -= n


def _joined(parts: list[Outputs]) -> Outputs:
    names = [f.name for f in fields(Outputs)]
    return Outputs(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
