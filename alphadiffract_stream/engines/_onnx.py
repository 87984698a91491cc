"""ONNX Runtime in this process: ``onnx:``, ``onnx:default`` (the embedded model), ``onnx:PATH``."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from ..errors import ConfigurationError, EngineError
from ..grid import N_POINTS
from ..prediction import Outputs
from ..urls import Url
from ._golden import check_golden, golden_pattern
from ._onnx_file import check_signature, verified
from ._worker import Worker

_OPTIONS = {"threads", "max_batch", "lanes"}
_LANES = 2
_MAX_BATCH = 32
"""Beyond 16 a pattern costs no less."""
_CROWD = 8
"""Patterns in a batch from which on it is a backlog: latency is gone, and throughput counts."""


def open(url: Url) -> OnnxEngine:
    """Engine for ``onnx:[PATH][?threads=1&max_batch=32&lanes=2]``.

    Raises ConfigurationError for options it does not know, EngineError for a model that is
    missing, is not what its card says, or has another signature.
    """
    if unknown := set(url.query) - _OPTIONS:
        raise ConfigurationError(
            f"{url}: unknown option {sorted(unknown)}; known: {sorted(_OPTIONS)}"
        )
    path = embedded_model() if url.path in ("", "default") else Path(url.path)
    return OnnxEngine(
        path,
        threads=_count(url, "threads", 1),
        max_batch=_count(url, "max_batch", _MAX_BATCH),
        lanes=_count(url, "lanes", min(_LANES, _processors())),
    )


def embedded_model() -> Path:
    """Path of the model that ships with the package (which may be absent from a bare checkout)."""
    return Path(str(files("alphadiffract_stream") / "models" / "default.onnx"))


class OnnxEngine:
    """One ONNX graph on the CPU. `run` may be called from several threads.

    threads: of one call. lanes: calls of `infer` at once; all but the first are for batches of
    eight patterns and more that come while the first is busy. With less to do a second call would
    only take the processor from the event loop and from the first.
    """

    name = "onnx"

    def __init__(
        self, path: Path, *, threads: int = 1, max_batch: int = _MAX_BATCH, lanes: int = 1
    ) -> None:
        model, self.card = verified(path)
        self.max_batch = max_batch
        self._path = path
        self._session = _session(model, path, threads)
        check_signature(self._session, self.card, path)
        self._names = list(Outputs.names())
        self._lanes = [Worker(self.run, f"onnx-{lane}") for lane in range(1, lanes + 1)]
        self._closed = False

    def run(self, patterns: NDArray[np.float32]) -> Outputs:
        """Outputs for (N, 8192) float32, 1 ≤ N ≤ max_batch. Raises EngineError."""
        if patterns.ndim != 2 or patterns.shape[1] != N_POINTS or not len(patterns) >= 1:
            raise EngineError(f"onnx: batch of shape {patterns.shape}, expected (N, {N_POINTS})")
        if len(patterns) > self.max_batch:
            raise EngineError(f"onnx: batch of {len(patterns)}, at most {self.max_batch}")
        if self._closed:
            raise EngineError("onnx: the engine is closed")
        try:
            values = self._session.run(
                self._names, {"pattern": np.ascontiguousarray(patterns, dtype=np.float32)}
            )
            return Outputs(*(np.asarray(value) for value in values))
        except Exception as error:  # ONNX Runtime's exceptions share no base of their own
            raise EngineError(f"onnx: {self._path.name}: {error}") from error

    async def infer(self, patterns: NDArray[np.float32]) -> Outputs:
        """`run` on a thread of the engine's, so that the event loop goes on."""
        if self._closed:
            raise EngineError("onnx: the engine is closed")
        return await self._lane(len(patterns)).submit(patterns)

    def _lane(self, patterns: int) -> Worker[NDArray[np.float32], Outputs]:
        first = self._lanes[0]
        if patterns < _CROWD:
            return first
        return next((lane for lane in self._lanes if not lane.busy), first)

    def warm_up(self) -> None:
        """First inferences, which allocate; checked. Raises EngineError.

        The largest batch is among them, in all lanes at once: the memory that takes is kept for the
        next time, and that a service grows with its first backlog would look like a leak.
        """
        check_golden(self.run(golden_pattern()), self.card)
        largest = np.repeat(golden_pattern(), self.max_batch, axis=0)
        with ThreadPoolExecutor(len(self._lanes)) as pool:
            list(pool.map(self.run, [largest] * len(self._lanes)))

    async def close(self) -> None:
        """Let the inferences in flight end, then release the threads."""
        self._closed = True
        for lane in self._lanes:
            await asyncio.to_thread(lane.close)


def _processors() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _count(url: Url, option: str, default: int) -> int:
    text = url.query.get(option, str(default))
    if not text.isdecimal() or int(text) < 1:
        raise ConfigurationError(f"{url}: {option}={text!r}; give a whole number from 1")
    return int(text)


def _session(model: bytes, path: Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Idle threads would spin and take the second core from the event loop.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # as above: no common base
        raise EngineError(f"{path}: ONNX Runtime cannot load it: {error}") from error
