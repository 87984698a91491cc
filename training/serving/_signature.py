"""Names, types and shapes of a network's tensors, read from the ONNX file itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import onnx
from onnx import TensorProto

from alphadiffract_stream.prediction import network_bytes

_TYPES: dict[int, str] = {TensorProto.FLOAT: "TYPE_FP32", TensorProto.FLOAT16: "TYPE_FP16"}


@dataclass(frozen=True, slots=True)
class Tensor:
    """One input or output of the graph, without its batch dimension."""

    name: str
    data_type: str
    """As Triton names it, e.g. ``TYPE_FP32``."""
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Signature:
    """What goes in and comes out."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]

    @classmethod
    def of(cls, network: Path) -> Signature:
        """Read it from an ONNX file. Raises ValueError for a tensor no server could batch."""
        graph = onnx.load_from_string(network_bytes(network)).graph
        weights = {weight.name for weight in graph.initializer}
        return cls(
            tuple(_tensor(value) for value in graph.input if value.name not in weights),
            tuple(_tensor(value) for value in graph.output),
        )


def _tensor(value: onnx.ValueInfoProto) -> Tensor:
    tensor = value.type.tensor_type
    batch, *shape = tensor.shape.dim
    if batch.HasField("dim_value") or not all(d.HasField("dim_value") for d in shape):
        raise ValueError(f"{value.name}: the first dimension, and only it, must be free")
    if tensor.elem_type not in _TYPES:
        raise ValueError(
            f"{value.name}: element type {tensor.elem_type}, expected {TensorProto.FLOAT}"
        )
    return Tensor(value.name, _TYPES[tensor.elem_type], tuple(d.dim_value for d in shape))
