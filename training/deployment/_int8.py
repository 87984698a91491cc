"""Convolutions in eight bits: less than half the time on a CPU, for answers that hardly change.

Weights are symmetric per output channel and keep to seven bits, so that processors without VNNI,
which add pairs of products up in sixteen, do not overflow. Ranges of what flows between the layers
are percentiles over example patterns: a maximum would give the rare high peak most of the scale.
Decision 26.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from ._half import stored_in_half

_BETWEEN = frozenset({"Add", "Relu", "AveragePool", "Reshape"})
"""Operations that stay in eight bits where everything they get does."""
_LINEAR = frozenset({"Gemm", "MatMul"})
_BATCH = 32


def in_eight_bits(source: Path, output: Path, examples: NDArray[np.float32]) -> list[str]:
    """Write the exported network at `source` with its convolutions in eight bits.

    So are what lies between convolutions and the first linear layer behind them; all else stays
    as it is. examples: (N, 8192) patterns as the network will meet them, 0…1. Returns the names
    of the nodes that were changed. Raises ValueError for a network without convolutions.
    """
    with TemporaryDirectory() as folder:
        whole, quantized = Path(folder) / "whole.onnx", Path(folder) / "quantized.onnx"
        quant_pre_process(str(source), str(whole), skip_symbolic_shape=True)
        model = onnx.load(whole)
        nodes = eight_bit_nodes(model)
        if not nodes:
            raise ValueError(f"{source}: no convolutions to put into eight bits")
        with redirect_stdout(io.StringIO()):  # it prints how it goes on
            quantize_static(
                str(whole),
                str(quantized),
                _Examples(examples),
                quant_format=QuantFormat.QDQ,
                # No others: ranges are taken of all that are named, and one of a tensor that is
                # the same but for rounding cannot be.
                op_types_to_quantize=sorted(
                    {n.op_type for n in model.graph.node if n.name in nodes}
                ),
                nodes_to_quantize=nodes,
                per_channel=True,
                reduce_range=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                calibrate_method=CalibrationMethod.Percentile,
            )
        model = onnx.load(quantized)
    output.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(stored_in_half(model), output)
    return nodes


def eight_bit_nodes(model: onnx.ModelProto) -> list[str]:
    """Names of convolutions, of what lies between them and of the first linear layers behind."""
    fixed = {tensor.name for tensor in model.graph.initializer}
    fixed |= {
        name for node in model.graph.node if node.op_type == "Constant" for name in node.output
    }
    made: set[str] = set()
    """Tensors that are in eight bits."""

    def all_made(node: NodeProto) -> bool:
        varying = [name for name in node.input if name and name not in fixed]
        return bool(varying) and all(name in made for name in varying)

    names: list[str] = []
    for node in model.graph.node:
        if node.op_type == "Conv" or (node.op_type in _BETWEEN and all_made(node)):
            made.update(node.output)
        elif not (node.op_type in _LINEAR and all_made(node)):
            continue
        names.append(node.name)
    return names


class _Examples(CalibrationDataReader):
    def __init__(self, patterns: NDArray[np.float32]) -> None:
        self._batches = self._split(patterns)

    @staticmethod
    def _split(patterns: NDArray[np.float32]) -> Iterator[dict[str, NDArray[np.float32]]]:
        for first in range(0, len(patterns), _BATCH):
            yield {"pattern": np.ascontiguousarray(patterns[first : first + _BATCH])}

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:  # type: ignore[override]
        """One batch; None once there are no more."""
        return next(self._batches, None)
