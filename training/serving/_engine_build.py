"""A TensorRT plan from an ONNX file, on the GPU that will run it, checked before it is kept."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from pydantic import ValidationError

from alphadiffract_stream.engines import Engine, open_engine
from alphadiffract_stream.errors import ConfigurationError, EngineError
from alphadiffract_stream.prediction import Outputs, network_bytes

from ._accuracy import Difference, Tolerance, compare
from ._half_precision import half_precision
from ._plan_source import plan_card, plan_source
from ._signature import Signature

log = logging.getLogger(__name__)

Say = Callable[[str], None]
_WORKSPACE = 4 << 30
_TOLERANCE = Tolerance()


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """How to build."""

    precision: Literal["half", "single"] = "half"
    max_batch: int = 256
    best_batch: int = 64
    """Of the second profile: the batch its kernels are chosen for."""
    optimization_level: int = 3
    """0…5: how long TensorRT looks for the fastest kernels."""
    device: int = 0


def build_engine(
    network: Path,
    plan: Path,
    patterns: Callable[[], tuple[str, NDArray[np.float32]]],
    options: BuildOptions,
    *,
    timing_cache: Path | None = None,
    tolerance: Tolerance = _TOLERANCE,
    force: bool = False,
    say: Say = log.info,
) -> bool:
    """Build `plan` from `network`, unless the one there is right for it and this GPU.

    patterns: asked for the name of the patterns and (N, 8192) of them, if something is built.
    Writes the sidecar and the card beside the plan. Returns whether it was built. Raises
    EngineError for a build that fails or answers too far from the ONNX file (nothing is kept
    then), ConfigurationError without TensorRT.
    """
    sidecar_class, gpu = _tensorrt_engine(options.device)
    digest = hashlib.sha256(network_bytes(network)).hexdigest()
    wanted = {
        **gpu,
        "onnx_sha256": digest,
        "precision": options.precision,
        "max_batch": options.max_batch,
    }
    reason = "asked to" if force else _reason(sidecar_class, plan, wanted)
    if not reason:
        say(f"{plan}: right for this GPU and network, kept")
        return False
    say(f"{plan}: building ({reason}); this takes minutes")
    plan.parent.mkdir(parents=True, exist_ok=True)
    name, batch = patterns()
    with TemporaryDirectory() as folder:
        source = plan_source(network, Path(folder))
        built = _serialized(source, options, timing_cache or plan.with_suffix(".timing"))
        sidecar = sidecar_class(
            **wanted,
            plan_sha256=hashlib.sha256(built).hexdigest(),
            patterns=name,
            difference={},
            built=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        trial = Path(folder) / f"trial{plan.suffix}"
        trial.write_bytes(built)
        card = plan_card(network, source).model_dump_json(indent=1) + "\n"
        trial.with_suffix(".json").write_text(card, encoding="utf-8")
        sidecar.write(trial)
        difference = _compared(f"tensorrt:{trial}?device={options.device}", source, batch)
    if fault := tolerance.fault(difference):
        raise EngineError(f"{plan}: refused, {fault}; try --precision single")
    # The plan last: one without its sidecar is never used, an older sidecar refuses it.
    plan.with_suffix(".json").write_text(card, encoding="utf-8")
    sidecar.model_copy(update={"difference": difference.as_dict()}).write(plan)
    partial = plan.with_name(plan.name + ".partial")
    partial.write_bytes(built)
    partial.replace(plan)
    say(f"{plan}: {len(built) / 2**20:.1f} MiB; differs from the ONNX file by {difference}")
    return True


def _tensorrt_engine(device: int) -> tuple[Any, dict[str, str]]:
    try:
        from alphadiffract_stream.engines._tensorrt import PlanSidecar
        from alphadiffract_stream.engines._tensorrt._engine import this_gpu
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"building an engine needs {error.name}; run "
            "`pip install 'alphadiffract-stream[tensorrt]'` on the machine with the GPU"
        ) from error
    return PlanSidecar, this_gpu(device)


def _reason(sidecar_class: Any, plan: Path, wanted: dict[str, Any]) -> str:
    """Why the plan there, if any, is not the one wanted; empty where it is."""
    if not plan.is_file():
        return "there is none"
    try:
        found = sidecar_class.read(plan)
    except (FileNotFoundError, ValidationError):
        return "the one there has no usable sidecar"
    return found.mismatch(**wanted, plan_sha256=hashlib.sha256(plan.read_bytes()).hexdigest())


def _serialized(network: Path, options: BuildOptions, timing_cache: Path) -> bytes:
    """The plan's bytes. Raises EngineError with what TensorRT says."""
    import tensorrt  # pyright: ignore[reportMissingImports]

    model = onnx.load_from_string(network_bytes(network))
    if options.precision == "half":
        model = half_precision(model)
    builder = tensorrt.Builder(tensorrt.Logger(tensorrt.Logger.WARNING))
    # Needed in TensorRT 10; the only way, and ignored, in 11.
    flag = tensorrt.NetworkDefinitionCreationFlag.STRONGLY_TYPED
    definition = builder.create_network(1 << int(flag))
    parser = tensorrt.OnnxParser(definition, tensorrt.Logger(tensorrt.Logger.WARNING))
    if not parser.parse(model.SerializeToString()):
        faults = [parser.get_error(i).desc() for i in range(parser.num_errors)]
        raise EngineError(f"{network}: TensorRT cannot read it: {'; '.join(faults)}")
    config = builder.create_builder_config()
    config.set_memory_pool_limit(tensorrt.MemoryPoolType.WORKSPACE, _WORKSPACE)
    config.builder_optimization_level = options.optimization_level
    config.clear_flag(tensorrt.BuilderFlag.TF32)  # FP32 is to be FP32 where it was asked for
    for shapes in _profiles(options):
        profile = builder.create_optimization_profile()
        for tensor in Signature.of(network).inputs:
            profile.set_shape(tensor.name, *((batch, *tensor.shape) for batch in shapes))
        config.add_optimization_profile(profile)
    known = timing_cache.read_bytes() if timing_cache.is_file() else b""
    config.set_timing_cache(config.create_timing_cache(known), ignore_mismatch=False)
    serialized = builder.build_serialized_network(definition, config)
    if serialized is None:
        raise EngineError(f"{network}: TensorRT built nothing; see its messages above")
    timing_cache.write_bytes(bytes(config.get_timing_cache().serialize()))
    return bytes(serialized)


def _profiles(options: BuildOptions) -> list[tuple[int, int, int]]:
    """Smallest, best and largest batch of each: one pattern at once, and whatever has piled up."""
    if options.max_batch == 1:
        return [(1, 1, 1)]
    return [(1, 1, 1), (1, min(options.best_batch, options.max_batch), options.max_batch)]


def _compared(url: str, network: Path, batch: NDArray[np.float32]) -> Difference:
    found, expected = (_answers(open_engine(u), batch) for u in (url, f"onnx:{network}"))
    return compare(found, expected)


def _answers(engine: Engine, batch: NDArray[np.float32]) -> Outputs:
    """Each pattern alone first, so that every profile is compared, then all in batches."""
    try:
        alone, together = batch[:8], batch[8:]
        pieces = [alone[i : i + 1] for i in range(len(alone))]
        size = engine.max_batch
        pieces += [together[i : i + size] for i in range(0, len(together), size)]
        parts = [engine.run(piece) for piece in pieces]
    finally:
        asyncio.run(engine.close())
    return Outputs(*(np.concatenate([getattr(p, name) for p in parts]) for name in Outputs.names()))
