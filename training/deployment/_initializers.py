"""Arrays inside an ONNX graph: read, put in another's place, taken out."""

from __future__ import annotations

from collections.abc import Collection

from numpy.typing import NDArray
from onnx import ModelProto, numpy_helper


def copied(model: ModelProto) -> ModelProto:
    """A copy whose arrays may change shape: what was inferred of shapes is left out."""
    result = ModelProto()
    result.CopyFrom(model)
    del result.graph.value_info[:]
    return result


def array_of(model: ModelProto, name: str) -> NDArray:
    """The initializer `name`."""
    return numpy_helper.to_array(next(t for t in model.graph.initializer if t.name == name))


def put(model: ModelProto, name: str, value: NDArray) -> None:
    """`value` in the place of the initializer `name`."""
    tensor = next(t for t in model.graph.initializer if t.name == name)
    tensor.CopyFrom(numpy_helper.from_array(value, name))


def drop(model: ModelProto, names: Collection[str]) -> None:
    """Without the initializers `names`."""
    kept = [t for t in model.graph.initializer if t.name not in names]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
