"""One execution context with its profile, its stream and its buffers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import EngineError
from ._cuda import Buffer, Stream

INPUT = "pattern"


class Execution:
    """Runs batches up to its profile's largest. One call at a time."""

    def __init__(self, plan: Any, profile: int, widths: Mapping[str, int], *, graph: bool) -> None:
        self.max_batch = int(plan.get_tensor_profile_shape(INPUT, profile)[2][0])
        self._stream = Stream()
        self._context: Any = plan.create_execution_context()
        if self._context is None:
            raise EngineError("tensorrt: no execution context; is there memory left on the GPU?")
        self._buffers = {name: Buffer(self.max_batch, width) for name, width in widths.items()}
        handle = int(self._stream.handle)
        self._done(self._context.set_optimization_profile_async(profile, handle), "profile")
        for name, buffer in self._buffers.items():
            self._done(self._context.set_tensor_address(name, buffer.address), name)
        self._stream.wait()
        self._graph = self._recorded() if graph else None

    def run(self, patterns: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Outputs by name for (N, 8192), N ≤ max_batch. Raises EngineError."""
        rows = len(patterns)
        self._buffers[INPUT].array[:rows] = patterns
        if rows == 1 and self._graph is not None:
            self._stream.replay(self._graph)
        else:
            self._enqueue(rows)
        self._stream.wait()
        return {
            name: buffer.array[:rows].copy()
            for name, buffer in self._buffers.items()
            if name != INPUT
        }

    def close(self) -> None:
        """Free everything on the GPU."""
        self._context = None
        self._stream.close(self._graph)
        for buffer in self._buffers.values():
            buffer.close()

    def _enqueue(self, rows: int) -> None:
        width = self._buffers[INPUT].array.shape[1]
        self._done(self._context.set_input_shape(INPUT, (rows, width)), "batch")
        self._buffers[INPUT].upload(rows, self._stream)
        self._done(self._context.execute_async_v3(int(self._stream.handle)), "inference")
        for name, buffer in self._buffers.items():
            if name != INPUT:
                buffer.download(rows, self._stream)

    def _recorded(self) -> Any:
        """The whole of a batch of one, copies included, as a graph."""
        self._enqueue(1)  # what TensorRT prepares at its first run must not be recorded
        self._stream.wait()
        self._stream.record()
        self._enqueue(1)
        return self._stream.recorded()

    @staticmethod
    def _done(success: bool, what: str) -> None:
        if not success:
            raise EngineError(f"tensorrt: {what} was refused; see TensorRT's message in the log")
