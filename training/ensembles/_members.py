"""Several networks as one: the members' outputs, stacked."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from ..networks import HeadOutputs, Network, RawOutputs, answer
from ._stack import stacked


class Members(nn.Module):
    """Networks run one after another; they need not be alike but in what they give.

    Raises ValueError for none, for embeddings of different widths, and where some give a σ of the
    lattice and others do not.
    """

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        super().__init__()
        if not networks:
            raise ValueError("an ensemble needs at least one member")
        self.networks = nn.ModuleList(networks)

    def __len__(self) -> int:
        return len(self.networks)

    def forward(self, pattern: Tensor) -> HeadOutputs:
        """(N, 8192) → outputs with the member first: (M, N, ·)."""
        each = [network(pattern) for network in self.networks]
        if len({o.embedding.shape[-1] for o in each}) > 1:
            raise ValueError("members' embeddings differ in width; ensembles need them alike")
        return HeadOutputs.joined(each, torch.stack)


class FusedMembers(nn.Module):
    """Networks of one architecture as one wide network: one call whatever their number.

    Equal to `Members` but for rounding. For inference alone. Batch norms that follow a convolution
    are folded into it. Raises ValueError for members that are not alike.
    """

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        super().__init__()
        if not networks:
            raise ValueError("an ensemble needs at least one member")
        self.count = len(networks)
        self.wide: Network = stacked(networks)
        fold_norms(self.wide)
        self.wide.eval().requires_grad_(False)

    def __len__(self) -> int:
        return self.count

    def forward(self, pattern: Tensor) -> HeadOutputs:
        """(N, 8192) → outputs with the member first: (M, N, ·)."""
        raw = self.wide.raw(pattern)
        # (N, M·K) → (M·N, K): what makes an answer of one network's numbers serves all.
        parts = RawOutputs(
            *(v.reshape(v.shape[0], self.count, -1).transpose(0, 1).flatten(0, 1) for v in raw[:4])
        )
        outputs = answer(parts, self.wide.options)
        return outputs.map(lambda v: v.reshape(self.count, -1, v.shape[-1]))


def mean_outputs(outputs: HeadOutputs) -> tuple[Tensor, Tensor, Tensor]:
    """Ensemble means of (M, N, ·): (N, 7) and (N, 230) probabilities, (N, 6) lattice."""
    system = outputs.crystal_system.softmax(dim=-1).mean(dim=0)
    group = outputs.space_group.softmax(dim=-1).mean(dim=0)
    return system, group, outputs.lattice.mean(dim=0)


def fold_norms(module: nn.Module) -> None:
    """Batch norms into the convolution or linear layer before them, throughout, in place."""
    for child in module.children():
        fold_norms(child)
    if isinstance(module, nn.Sequential):
        for first, second in pairwise(list(module._modules)):
            layer, norm = module._modules[first], module._modules[second]
            if isinstance(layer, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                fused = nn.utils.fusion.fuse_conv_bn_eval(layer.eval(), norm.eval())
                module._modules[first], module._modules[second] = fused, nn.Identity()
            if isinstance(layer, nn.Linear) and isinstance(norm, nn.BatchNorm1d):
                fused = nn.utils.fusion.fuse_linear_bn_eval(layer.eval(), norm.eval())
                module._modules[first], module._modules[second] = fused, nn.Identity()
