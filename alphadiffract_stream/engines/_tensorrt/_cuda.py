"""The few calls of the CUDA runtime an engine needs, each checked."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from cuda.bindings import runtime  # pyright: ignore[reportMissingImports]
from numpy.typing import NDArray

from ...errors import EngineError


def checked(result: tuple[Any, ...]) -> Any:
    """What a CUDA call gave besides its status. Raises EngineError."""
    status, *values = result
    if status != runtime.cudaError_t.cudaSuccess:
        _, text = runtime.cudaGetErrorString(status)
        words = text.decode() if isinstance(text, bytes) else text
        raise EngineError(f"tensorrt: CUDA: {words}")
    return values[0] if values else None


def compute_capability(device: int) -> str:
    """Of GPU `device`, e.g. ``9.0``. Raises EngineError where there is none."""
    kinds = runtime.cudaDeviceAttr
    major = checked(runtime.cudaDeviceGetAttribute(kinds.cudaDevAttrComputeCapabilityMajor, device))
    minor = checked(runtime.cudaDeviceGetAttribute(kinds.cudaDevAttrComputeCapabilityMinor, device))
    return f"{major}.{minor}"


def use_device(device: int) -> None:
    """Make it this thread's. Raises EngineError."""
    checked(runtime.cudaSetDevice(device))


class Stream:
    """Work in order on one GPU; may be recorded and replayed."""

    def __init__(self) -> None:
        self.handle = checked(runtime.cudaStreamCreateWithFlags(runtime.cudaStreamNonBlocking))

    def wait(self) -> None:
        """Until everything given to it is done."""
        checked(runtime.cudaStreamSynchronize(self.handle))

    def record(self) -> None:
        """From now on keep the work instead of doing it."""
        mode = runtime.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        checked(runtime.cudaStreamBeginCapture(self.handle, mode))

    def recorded(self) -> Any:
        """What was kept, ready to be replayed."""
        graph = checked(runtime.cudaStreamEndCapture(self.handle))
        try:
            return checked(runtime.cudaGraphInstantiate(graph, 0))
        finally:
            checked(runtime.cudaGraphDestroy(graph))

    def replay(self, graph: Any) -> None:
        """Do the work of a recorded graph."""
        checked(runtime.cudaGraphLaunch(graph, self.handle))

    def close(self, graph: Any = None) -> None:
        """Free it, and a graph recorded on it."""
        if graph is not None:
            checked(runtime.cudaGraphExecDestroy(graph))
        checked(runtime.cudaStreamDestroy(self.handle))


class Buffer:
    """(rows, width) float32 on the GPU, and page-locked here for copies that do not wait."""

    def __init__(self, rows: int, width: int) -> None:
        self._row_bytes = width * 4
        self._host = int(checked(runtime.cudaMallocHost(rows * self._row_bytes)))
        self.address = int(checked(runtime.cudaMalloc(rows * self._row_bytes)))
        pointer = ctypes.cast(self._host, ctypes.POINTER(ctypes.c_float))
        self.array: NDArray[np.float32] = np.ctypeslib.as_array(pointer, (rows, width))

    def upload(self, rows: int, stream: Stream) -> None:
        """Copy the first rows to the GPU."""
        kind = runtime.cudaMemcpyKind.cudaMemcpyHostToDevice
        size = rows * self._row_bytes
        checked(runtime.cudaMemcpyAsync(self.address, self._host, size, kind, stream.handle))

    def download(self, rows: int, stream: Stream) -> None:
        """Copy the first rows back."""
        kind = runtime.cudaMemcpyKind.cudaMemcpyDeviceToHost
        size = rows * self._row_bytes
        checked(runtime.cudaMemcpyAsync(self._host, self.address, size, kind, stream.handle))

    def close(self) -> None:
        """Free both; `array` must not be used any more."""
        checked(runtime.cudaFree(self.address))
        checked(runtime.cudaFreeHost(self._host))
