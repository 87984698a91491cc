"""What a TensorRT plan is made from: the network, in floats where it is not."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import onnx

from alphadiffract_stream.prediction import ModelCard, network_bytes

from ..deployment import renew_card
from ._floats import in_floats


def plan_source(network: Path, folder: Path) -> Path:
    """`network` itself, or a whole copy in `folder` without eight-bit parts, its card beside it."""
    model = onnx.load_from_string(network_bytes(network))
    floats = in_floats(model)
    if floats is model and network.is_file():
        return network
    path = folder / network.name
    onnx.save(floats, path)
    renew_card(ModelCard.read(network), path)
    return path


def plan_card(network: Path, source: Path | None = None) -> ModelCard:
    """The network's card, but for the golden answer: that of its `plan_source`."""
    if source is None:
        with TemporaryDirectory() as folder:
            return plan_card(network, plan_source(network, Path(folder)))
    floats = ModelCard.read(source)
    golden = {name: getattr(floats, name) for name in ("golden", "golden_tolerance")}
    return ModelCard.read(network).model_copy(update=golden)
