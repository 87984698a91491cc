"""Layers of several networks of one architecture, side by side as one wider layer.

The channel axis of every tensor holds the members one after another: (B, M·C, …) where a member
has (B, C, …). Convolutions become grouped ones, linear layers batched matrix products; what looks
at no weights stays as it is. So the wide network runs the members' own `forward`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

UNCHANGED = (nn.ReLU, nn.GELU, nn.Flatten, nn.Dropout, nn.AvgPool1d, nn.AvgPool2d, nn.Identity)


class StackedLinear(nn.Module):
    """M linear layers, each on its own part: (N…, M·I) → (N…, M·O), one batched product."""

    def __init__(self, layers: Sequence[nn.Linear]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.stack([layer.weight.T for layer in layers]))
        biases = [
            layer.weight.new_zeros(layer.out_features) if layer.bias is None else layer.bias
            for layer in layers
        ]
        self.bias = nn.Parameter(torch.stack(biases).unsqueeze(1))

    def forward(self, x: Tensor) -> Tensor:
        """(…, M·I) → (…, M·O)."""
        members, inputs, _ = self.weight.shape
        parts = x.reshape(-1, members, inputs).transpose(0, 1)
        product = torch.baddbmm(self.bias, parts, self.weight)
        return product.transpose(0, 1).reshape(*x.shape[:-1], -1)


class StackedNorm(nn.Module):
    """M layer norms, each over its own part; in float32 whatever comes in."""

    def __init__(self, layers: Sequence[nn.LayerNorm]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.stack([layer.weight for layer in layers]))
        self.bias = nn.Parameter(torch.stack([layer.bias for layer in layers]))
        self.eps = layers[0].eps

    def forward(self, x: Tensor) -> Tensor:
        """(…, M·C) → same, in the type of `x`."""
        parts = x.float().reshape(*x.shape[:-1], *self.weight.shape)
        normal = F.layer_norm(parts, self.weight.shape[1:], eps=self.eps)
        return (normal * self.weight + self.bias).reshape(x.shape).to(x.dtype)


def stacked(layers: Sequence[nn.Module], name: str = "network", *, shared: bool = False) -> Any:
    """One wide layer of M alike; `shared`: all read the same input instead of a part each.

    A child called ``stem`` reads the pattern, and so shares it. Raises ValueError where layers are
    not alike, and TypeError for a layer with weights that nothing here knows how to widen.
    """
    first = layers[0]
    _check_alike(layers, name)
    for kind, widen in _RULES.items():
        if isinstance(first, kind):
            return widen(layers, shared)
    if isinstance(first, UNCHANGED):
        return first
    if next(first.parameters(recurse=False), None) is not None:
        raise TypeError(f"{name}: {type(first).__name__} cannot be fused; export without fusing")
    wide = copy.copy(first)
    wide._modules = {
        child: stacked(
            [layer.get_submodule(child) for layer in layers],
            f"{name}.{child}",
            shared=child == "stem" or (shared and index == 0),
        )
        for index, child in enumerate(first._modules)
    }
    return wide


def _check_alike(layers: Sequence[nn.Module], name: str) -> None:
    for other in layers[1:]:
        mine, its = layers[0].state_dict(), other.state_dict()
        shapes = {k: v.shape for k, v in mine.items()} == {k: v.shape for k, v in its.items()}
        if type(other) is not type(layers[0]) or not shapes:
            raise ValueError(
                f"{name}: members differ in architecture; only alike ones are fused, "
                "export without fusing"
            )


def _convolution(layers: Sequence[Any], shared: bool) -> nn.Module:
    wide = copy.copy(layers[0])
    wide._parameters = {"weight": _joined(layers, "weight"), "bias": _joined(layers, "bias")}
    if shared and wide.groups > 1:
        raise TypeError("a grouped convolution cannot read the shared pattern; use a plain one")
    wide.groups = 1 if shared else wide.groups * len(layers)
    wide.in_channels *= 1 if shared else len(layers)
    wide.out_channels *= len(layers)
    return wide


def _batch_norm(layers: Sequence[Any], shared: bool) -> nn.Module:
    del shared  # one statistic a channel either way
    wide = copy.copy(layers[0])
    wide._parameters = {"weight": _joined(layers, "weight"), "bias": _joined(layers, "bias")}
    wide._buffers = {
        **wide._buffers,
        "running_mean": torch.cat([layer.running_mean for layer in layers]),
        "running_var": torch.cat([layer.running_var for layer in layers]),
    }
    wide.num_features *= len(layers)
    return wide


def _joined(layers: Sequence[Any], name: str) -> nn.Parameter | None:
    if getattr(layers[0], name) is None:
        return None
    return nn.Parameter(torch.cat([getattr(layer, name).detach() for layer in layers]))


_RULES: dict[Any, Callable[[Sequence[Any], bool], nn.Module]] = {
    nn.Conv1d: _convolution,
    nn.Conv2d: _convolution,
    nn.BatchNorm1d: _batch_norm,
    nn.BatchNorm2d: _batch_norm,
    nn.LayerNorm: lambda layers, shared: StackedNorm(layers),
    nn.Linear: lambda layers, shared: StackedLinear(layers),
}
