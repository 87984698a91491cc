"""What every engine is: a batch of canonical patterns in, raw outputs out."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ..prediction import ModelCard, Outputs


@runtime_checkable
class Engine(Protocol):
    """Runs one network, wherever it lives. Made by `open_engine(url)`; see `engines/__init__`.

    An engine outside this process also says ``remote = True``: it is watched by golden inferences,
    and waited for while it is out of order.
    """

    name: str
    """``onnx``, ``triton``, ``tensorrt``: what predictions say answered them."""
    card: ModelCard
    max_batch: int

    def run(self, patterns: NDArray[np.float32]) -> Outputs:
        """Outputs for (N, 8192) float32 on the canonical grid, 1 ≤ N ≤ max_batch. Thread-safe.

        Raises EngineError when the engine cannot answer.
        """
        ...

    async def infer(self, patterns: NDArray[np.float32]) -> Outputs:
        """`run` for an event loop: never blocks it."""
        ...

    async def close(self) -> None:
        """Release threads, connections and memory. Safe to call twice."""
        ...
