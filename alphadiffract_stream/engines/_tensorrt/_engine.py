"""The engine whose network is a TensorRT plan on this machine's GPU."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import tensorrt  # pyright: ignore[reportMissingImports]
from numpy.typing import NDArray
from pydantic import ValidationError

from ...errors import EngineError
from ...grid import N_POINTS
from ...prediction import SIGNATURE, ModelCard, Outputs
from .._golden import check_golden, golden_pattern
from .._worker import Worker
from ._cuda import compute_capability, use_device
from ._execution import INPUT, Execution
from ._sidecar import PlanSidecar

log = logging.getLogger(__name__)

_BUILD = "build it here with `python -m training build-engine`"


def this_gpu(device: int = 0) -> dict[str, str]:
    """What a plan's sidecar must say to be used here. Raises EngineError without a GPU."""
    return {
        "tensorrt": str(tensorrt.__version__),
        "compute_capability": compute_capability(device),
    }


class TensorrtEngine:
    """One plan on one GPU. `run` may be called from several threads; they take turns."""

    name = "tensorrt"

    def __init__(self, path: Path, *, device: int = 0, graph: bool = True) -> None:
        plan_bytes, self.sidecar, self.card = _verified(path, device)
        use_device(device)
        self._device = device
        self._runtime = tensorrt.Runtime(tensorrt.Logger(tensorrt.Logger.WARNING))
        plan = self._runtime.deserialize_cuda_engine(plan_bytes)
        if plan is None:
            raise EngineError(f"{path}: TensorRT cannot load it; {_BUILD}")
        widths = _widths(plan, self.card, path)
        profiles = range(plan.num_optimization_profiles)
        # The profile for batches of one comes first; one profile alone serves both.
        self._executions = [
            Execution(plan, profile, widths, graph=graph and profile == 0) for profile in profiles
        ]
        self.max_batch = max(execution.max_batch for execution in self._executions)
        self._plan = plan
        self._lock = Lock()
        self._worker = Worker(self.run, "tensorrt")
        self._closed = False

    def run(self, patterns: NDArray[np.float32]) -> Outputs:
        """Outputs for (N, 8192) float32, 1 ≤ N ≤ max_batch. Raises EngineError."""
        if patterns.ndim != 2 or patterns.shape[1] != N_POINTS or not len(patterns) >= 1:
            raise EngineError(
                f"tensorrt: batch of shape {patterns.shape}, expected (N, {N_POINTS})"
            )
        if len(patterns) > self.max_batch:
            raise EngineError(f"tensorrt: batch of {len(patterns)}, at most {self.max_batch}")
        with self._lock:
            if self._closed:
                raise EngineError("tensorrt: the engine is closed")
            use_device(self._device)
            fitting = next(e for e in self._executions if len(patterns) <= e.max_batch)
            values = fitting.run(patterns)
        return Outputs(*(values[name] for name in Outputs.names()))

    async def infer(self, patterns: NDArray[np.float32]) -> Outputs:
        """`run` on the engine's own thread, so that the event loop goes on."""
        if self._closed:
            raise EngineError("tensorrt: the engine is closed")
        return await self._worker.submit(patterns)

    def warm_up(self) -> None:
        """One inference of every profile; checked. Raises EngineError."""
        for execution in self._executions:
            batch = np.repeat(golden_pattern(), execution.max_batch, axis=0)
            check_golden(self.run(batch), self.card)
        check_golden(self.run(golden_pattern()), self.card)

    async def close(self) -> None:
        """Let the inference in flight end, then free the GPU."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
            for execution in self._executions:
                execution.close()
        self._worker.close()


def _verified(path: Path, device: int) -> tuple[bytes, PlanSidecar, ModelCard]:
    """The plan, if it was built from its card's network for this GPU by this TensorRT."""
    if not path.is_file():
        raise EngineError(f"{path}: no such plan; {_BUILD}")
    try:
        sidecar = PlanSidecar.read(path)
        card = ModelCard.read(path)
    except FileNotFoundError as error:
        raise EngineError(f"{error.filename}: not there; {_BUILD}") from None
    except (ValidationError, UnicodeDecodeError) as error:
        raise EngineError(f"{path}: what stands beside it is unusable: {error}") from None
    plan = path.read_bytes()
    mismatch = sidecar.mismatch(
        **this_gpu(device),
        onnx_sha256=card.sha256.lower(),
        plan_sha256=hashlib.sha256(plan).hexdigest(),
    )
    if mismatch:
        raise EngineError(f"{path}: {mismatch}; {_BUILD}")
    return plan, sidecar, card


def _widths(plan: Any, card: ModelCard, path: Path) -> dict[str, int]:
    """Width of each tensor. Raises EngineError naming the first that departs from the signature."""
    wanted = {INPUT: N_POINTS}
    wanted |= {name: width or card.embedding_width for name, width in SIGNATURE.items()}
    names = [plan.get_tensor_name(i) for i in range(plan.num_io_tensors)]
    if set(names) != set(wanted):
        raise EngineError(f"{path}: tensors {sorted(names)}, expected {sorted(wanted)}")
    for name, width in wanted.items():
        found = plan.get_tensor_dtype(name), tuple(plan.get_tensor_shape(name))
        if found != (tensorrt.DataType.FLOAT, (-1, width)):
            raise EngineError(f"{path}: {name} is {found}, expected FLOAT (-1, {width})")
    return wanted
