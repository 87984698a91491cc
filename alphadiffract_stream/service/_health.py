"""A circuit breaker: an engine is in order while golden inferences give the right numbers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from time import monotonic
from typing import TypeVar

from ..engines import Engine, check_golden, golden_pattern
from ._metrics import Metrics

log = logging.getLogger(__name__)

T = TypeVar("T")


class Health:
    """Whether one engine can be relied on. Asked of its numbers, never of itself.

    Closed (in order) until a golden inference fails; then open until one succeeds again. While it
    opens, calls under way are ended, so that nobody waits for an engine that hangs.
    """

    def __init__(
        self, engine: Engine, metrics: Metrics, *, interval: float, timeout: float
    ) -> None:
        self._engine = engine
        self._metrics = metrics
        self._interval = interval
        self._timeout = timeout
        self._in_order = asyncio.Event()
        self._in_order.set()
        self._checking = asyncio.Lock()
        self._checked_at = float("-inf")
        self._broken_at = 0.0
        self._calls: set[asyncio.Timeout] = set()
        self._probing = asyncio.Lock()
        self._probed_at = float("-inf")
        self._fault_seen = ""

    @property
    def engine(self) -> Engine:
        """Whose health it is."""
        return self._engine

    @property
    def in_order(self) -> bool:
        """False from the first golden inference that failed to the next that did not."""
        return self._in_order.is_set()

    async def watch(self) -> None:
        """Until cancelled: an engine elsewhere is checked all the time, one here when broken."""
        remote = getattr(self._engine, "remote", False)
        while True:
            await asyncio.sleep(self._interval)
            if remote or not self.in_order:
                await self.check()

    async def check(self) -> bool:
        """Whether the engine gives the right numbers now; one question for all who ask at once."""
        asked_at = monotonic()
        async with self._checking:
            if self._checked_at < asked_at:
                fault = self._fault_seen = await self._fault()
                self._checked_at = self._probed_at = monotonic()
                if fault:
                    self._open(fault)
                else:
                    self._close()
            return self.in_order

    async def verdict(self) -> str:
        """What is wrong with the engine now, or "", by a golden inference of the last moments.

        For whoever asks from outside: it decides nothing, so that a probe, however it comes out,
        never takes an engine out of order that only has much to do.
        """
        async with self._probing:
            if self.in_order and monotonic() - self._probed_at >= self._interval:
                self._fault_seen = await self._fault()
                self._probed_at = monotonic()
            return self._fault_seen

    async def limited(self, call: Awaitable[T], seconds: float) -> T:
        """`call`, with TimeoutError after `seconds` or at once when the engine is found broken."""
        async with asyncio.timeout(seconds) as limit:
            self._calls.add(limit)
            try:
                return await call
            finally:
                self._calls.discard(limit)

    async def until_in_order(self, patience: float | None) -> bool:
        """Whether the engine came back within `patience` s; for ever if that is None."""
        try:
            async with asyncio.timeout(patience):
                await self._in_order.wait()
        except TimeoutError:
            return False
        return True

    async def _fault(self) -> str:
        try:
            async with asyncio.timeout(self._timeout):
                outputs = await self._engine.infer(golden_pattern())
            check_golden(outputs, self._engine.card)
        except TimeoutError:
            return f"no golden inference within {self._timeout:g} s"
        except Exception as error:  # whatever it is, the engine is not in order
            return str(error) or type(error).__name__
        return ""

    def _open(self, fault: str) -> None:
        if not self.in_order:
            return
        self._in_order.clear()
        self._broken_at = monotonic()
        self._metrics.engine_outages += 1
        log.error("engine %s is out of order: %s", self._engine.name, fault)
        now = asyncio.get_running_loop().time()
        for call in self._calls:
            if not call.expired():
                call.reschedule(now)

    def _close(self) -> None:
        if not self.in_order:
            away = monotonic() - self._broken_at
            log.warning("engine %s is in order again after %.1f s", self._engine.name, away)
            self._in_order.set()
