"""Several networks as one: the members' outputs, stacked."""

from __future__ import annotations

from collections.abc import Sequence

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
        if len({o.lattice_std is None for o in each}) > 1:
            raise ValueError("some members give a σ of the lattice and others do not")
        if len({o.embedding.shape[-1] for o in each}) > 1:
            raise ValueError("members' embeddings differ in width; ensembles need them alike")
        return _stacked_outputs(each)


class FusedMembers(nn.Module):
    """Networks of one architecture as one wide network: one call whatever their number.

    Equal to `Members` but for rounding. For inference alone. Batch norms that follow a convolution
    are folded into it. Raises ValueError for members that are not alike.
    """

    def __init__(self, networks: Sequence[Network]) -> None:
        super().__init__()
        if not networks:
            raise ValueError("an ensemble needs at least one member")
        self.count = len(networks)
        self.wide: Network = _folded(stacked(networks)).eval().requires_grad_(False)

    def __len__(self) -> int:
        return self.count

    def forward(self, pattern: Tensor) -> HeadOutputs:
        """(N, 8192) → outputs with the member first: (M, N, ·)."""
        raw = self.wide.raw(pattern)
        # (N, M·K) → (M·N, K): what makes an answer of one network's numbers serves all.
        parts = RawOutputs(
            *(
                v.reshape(v.shape[0], self.count, -1).transpose(0, 1).flatten(0, 1)
                for v in raw
            )
        )
        outputs = answer(parts, self.wide.options)
        return HeadOutputs(
            *(v if v is None else v.reshape(self.count, -1, v.shape[-1]) for v in outputs)
        )


def mean_outputs(outputs: HeadOutputs) -> tuple[Tensor, Tensor, Tensor]:
    """Ensemble means of (M, N, ·): (N, 7) and (N, 230) probabilities, (N, 6) lattice."""
    system = outputs.crystal_system.softmax(dim=-1).mean(dim=0)
    group = outputs.space_group.softmax(dim=-1).mean(dim=0)
    return system, group, outputs.lattice.mean(dim=0)


def _stacked_outputs(each: Sequence[HeadOutputs]) -> HeadOutputs:
    columns = zip(*each, strict=True)
    return HeadOutputs(*(None if c[0] is None else torch.stack(c) for c in columns))  # type: ignore[arg-type]


def _folded(module: nn.Module) -> nn.Module:
    """Batch norms folded into the convolution before them, throughout."""
    for child in module.children():
        _folded(child)
    if isinstance(module, nn.Sequential):
        names = list(module._modules)
        for first, second in zip(names, names[1:], strict=False):
            convolution, norm = module._modules[first], module._modules[second]
            pair = isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
            if pair:
                fused = nn.utils.fusion.fuse_conv_bn_eval(convolution.eval(), norm.eval())
                module._modules[first], module._modules[second] = fused, nn.Identity()
    return module
