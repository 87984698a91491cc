"""The engine whose network runs in a Triton server."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future

import numpy as np
from numpy.typing import NDArray

from ...errors import EngineError
from ...grid import N_POINTS
from ...prediction import ModelCard, Outputs
from .._golden import check_golden, golden_pattern
from ._client import Client
from ._loop import BackgroundLoop


class TritonEngine:
    """One model of one server. `run` and `infer` may be called from several threads at once."""

    name = "triton"
    remote = True

    def __init__(
        self, client: Client, card: ModelCard, max_batch: int, loop: BackgroundLoop
    ) -> None:
        self.card = card
        self.max_batch = max_batch
        self._client = client
        self._loop = loop
        self._closed = False

    def run(self, patterns: NDArray[np.float32]) -> Outputs:
        """Outputs for (N, 8192) float32, 1 ≤ N ≤ max_batch. Raises EngineError."""
        return self._asked(patterns).result()

    async def infer(self, patterns: NDArray[np.float32]) -> Outputs:
        """`run` for an event loop; several may be under way."""
        return await asyncio.wrap_future(self._asked(patterns))

    def warm_up(self) -> None:
        """First inference; checked. Raises EngineError where the numbers are not the card's."""
        check_golden(self.run(golden_pattern()), self.card)

    async def close(self) -> None:
        """Close the connection; calls under way are answered first or fail."""
        if not self._closed:
            self._closed = True
            await asyncio.wrap_future(self._loop.submit(self._client.close()))

    def _asked(self, patterns: NDArray[np.float32]) -> Future[Outputs]:
        if patterns.ndim != 2 or patterns.shape[1] != N_POINTS or not len(patterns) >= 1:
            raise EngineError(f"triton: batch of shape {patterns.shape}, expected (N, {N_POINTS})")
        if len(patterns) > self.max_batch:
            raise EngineError(f"triton: batch of {len(patterns)}, at most {self.max_batch}")
        if self._closed:
            raise EngineError("triton: the engine is closed")
        return self._loop.submit(self._client.infer(patterns))
