"""What a TensorRT plan is made from: the network, in floats where it is not."""

from __future__ import annotations

import hashlib
from pathlib import Path
from tempfile import TemporaryDirectory

import onnx
import onnxruntime

from alphadiffract_stream.engines import golden_pattern
from alphadiffract_stream.prediction import ModelCard

from ._floats import in_floats


def plan_source(network: Path, folder: Path) -> Path:
    """`network` itself, or a copy in `folder` without eight-bit parts, its card beside it."""
    model = onnx.load(network)
    floats = in_floats(model)
    if floats is model:
        return network
    path = folder / network.name
    onnx.save(floats, path)
    update = {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "golden": _golden(path)}
    card = ModelCard.read(network).model_copy(update=update)
    path.with_suffix(".json").write_text(card.model_dump_json(), encoding="utf-8")
    return path


def plan_card(network: Path) -> ModelCard:
    """The network's card, but for the golden answer: that of the network in floats."""
    with TemporaryDirectory() as folder:
        golden = ModelCard.read(plan_source(network, Path(folder))).golden
    return ModelCard.read(network).model_copy(update={"golden": golden})


def _golden(path: Path) -> list[float]:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (probability,) = session.run(["crystal_system"], {"pattern": golden_pattern()})
    return [round(float(p), 6) for p in probability[0]]  # type: ignore[index]
