"""Weights that float16 holds exactly are stored in it: half the file, the same numbers."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from ..ensembles import fold_norms

N = TypeVar("N", bound=nn.Module)
SMALLEST = 4096
"""Elements of a tensor worth it."""


def rounded_to_half(network: N) -> N:
    """`network` ready for use, its matrices and kernels rounded to float16, kept as float32.

    In place. Batch norms are folded first, as an export would, so that what is rounded is what is
    stored.
    """
    fold_norms(network.eval())
    with torch.no_grad():
        for value in network.parameters():
            if value.ndim > 1:
                value.copy_(value.half().float())
    return network


def stored_in_half(model: onnx.ModelProto) -> onnx.ModelProto:
    """Large float32 initializers that float16 holds exactly become that, with a Cast behind each.

    Runtimes fold the casts when they load the file, so that what they compute is unchanged.
    """
    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT:
            continue
        values = numpy_helper.to_array(tensor)
        with np.errstate(over="ignore"):
            half = values.astype(np.float16)
        if values.size < SMALLEST or not np.array_equal(half.astype(np.float32), values):
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(half, f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    for node in reversed(casts):
        model.graph.node.insert(0, node)
    return model
