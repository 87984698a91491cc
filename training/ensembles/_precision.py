"""Half precision where it is safe: products and sums of them; norms and outputs stay in float32."""

from __future__ import annotations

import torch
from torch import nn

from ._stack import StackedLinear

HALVED = (nn.Conv1d, nn.Conv2d, nn.Linear, nn.BatchNorm1d, nn.BatchNorm2d, StackedLinear)


def lowered(module: nn.Module, dtype: torch.dtype) -> nn.Module:
    """`module`, changed in place: convolutions and linear layers compute in `dtype`.

    The scaling of the pattern, layer norms and whatever becomes of the heads' numbers (softmax,
    cells, means over members) stay in float32, which the networks see to by themselves.
    """
    for layer in module.modules():
        if isinstance(layer, HALVED):
            layer.to(dtype)
    return module
