"""ONNX Runtime in this process: ``onnx:``, ``onnx:default`` (the embedded model), ``onnx:PATH``."""

from __future__ import annotations

import asyncio
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from pydantic import ValidationError

from ..errors import ConfigurationError, EngineError
from ..grid import N_POINTS
from ..prediction import SIGNATURE, ModelCard, Outputs, network_bytes
from ..urls import Url
from ._golden import check_golden, golden_pattern
from ._worker import Worker

_OPTIONS = {"threads", "max_batch", "lanes"}
_LANES = 2
_MAX_BATCH = 32
"""Beyond 16 a pattern costs no less."""
_CROWD = 8
"""Patterns in a batch from which on it is a backlog: latency is gone, and throughput counts."""
_WEIGHTS_ELSEWHERE = b"\n\x08location\x12"
"""In an ONNX file: the key of a tensor's external data. The card's hash does not cover such a file,
and ONNX Runtime looks for it in the current folder."""


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
        model, self.card = _verified(path)
        self.max_batch = max_batch
        self._path = path
        self._session = _session(model, path, threads)
        _check_signature(self._session, self.card, path)
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


def _verified(path: Path) -> tuple[bytes, ModelCard]:
    """The model's bytes and card; the very bytes that were hashed are the ones run."""
    try:
        model = network_bytes(path)
    except FileNotFoundError:
        raise EngineError(
            f"{path}: no such model; pass --engine onnx:PATH or install one there"
        ) from None
    try:
        card = ModelCard.read(path)
    except FileNotFoundError:
        raise EngineError(f"{path}: no model card; put {path.stem}.json beside it") from None
    except (ValidationError, UnicodeDecodeError) as error:
        raise EngineError(f"{path.with_suffix('.json')}: unusable model card: {error}") from None
    found = hashlib.sha256(model).hexdigest()
    if found != card.sha256.lower():
        raise EngineError(
            f"{path}: sha256 is {found}, its card says {card.sha256}; "
            "the file is damaged or is not this card's model"
        )
    if _WEIGHTS_ELSEWHERE in model:
        raise EngineError(
            f"{path}: its weights lie in another file, which the card's sha256 does not cover; "
            "save it in one piece (onnx.save without save_as_external_data)"
        )
    return model, card


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


def _check_signature(session: onnxruntime.InferenceSession, card: ModelCard, path: Path) -> None:
    """Raises EngineError naming the first tensor that departs from the network signature."""
    inputs = {tensor.name: tensor for tensor in session.get_inputs()}
    outputs = {tensor.name: tensor for tensor in session.get_outputs()}
    if set(inputs) != {"pattern"}:
        raise EngineError(f"{path}: inputs {sorted(inputs)}, expected ['pattern']")
    if missing := set(SIGNATURE) - set(outputs):
        raise EngineError(f"{path}: no output {sorted(missing)}; it has {sorted(outputs)}")
    _check_tensor(inputs["pattern"], N_POINTS, path)
    for name, width in SIGNATURE.items():
        _check_tensor(outputs[name], width or card.embedding_width, path)
    domain = card.domain
    if domain and not len(domain.mean) == len(domain.std) == card.embedding_width:
        raise EngineError(f"{path}: the card's domain is not {card.embedding_width} wide")


def _check_tensor(tensor: Any, width: int, path: Path) -> None:
    shape = list(tensor.shape)
    batch_is_free = len(shape) == 2 and not isinstance(shape[0], int)
    if tensor.type != "tensor(float)" or not batch_is_free or shape[1] != width:
        raise EngineError(
            f"{path}: {tensor.name} is {tensor.type} {shape}, expected tensor(float) ['N', {width}]"
        )
