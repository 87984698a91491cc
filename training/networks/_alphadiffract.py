"""The network of the paper (arXiv 2603.23367, §5.3, Tables 6 and 7), as far as they tell.

Three one-dimensional ConvNeXt blocks of 80 channels, depthwise kernels 100, 50 and 25, drop path
0.3, each followed by an average pool of stride 5, and three heads. What the paper leaves open, and
how it is read here:

- how 8192 points become 560 features: pooled 5 × 5 × 5 leaves 65 positions; 560 = 80 × 7 wants a
  last average to 7. (§5.3.1 says pools "by a factor of 2"; Table 6 says 5, and with 2 a head's
  560 inputs cannot be had from 80 channels either.)
- the first widening from 1 to 80 channels: a pointwise convolution.
- dropout of the heads (0.5) and no layer scale: the authors' published configuration.

So read, it has 8.7 M parameters.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ._drop_path import drop_path
from ._front import dtype_of, scale_to_unit
from ._heads import GROUPS, SYSTEMS, HeadOptions, HeadOutputs, RawOutputs, answer


class Norm(nn.LayerNorm):
    """Layer norm in float32 always: its sums of squares overflow half precision."""

    def forward(self, x: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        """(…, C) → same, in the type of `x`."""
        weight, bias = self.weight.float(), self.bias.float()
        return F.layer_norm(x.float(), self.normalized_shape, weight, bias, self.eps).to(x.dtype)


class ConvNeXtBlock(nn.Module):
    """x + pointwise(gelu(pointwise(norm(depthwise(x))))) without layer scale; (B, C, T) → same."""

    def __init__(self, channels: int, kernel: int, drop: float, expansion: int = 4) -> None:
        super().__init__()
        # Even kernels: one point more on the right.
        self.padding = ((kernel - 1) // 2, kernel // 2)
        self.depthwise = nn.Conv1d(channels, channels, kernel, groups=channels)
        self.norm = Norm(channels, eps=1e-6)
        self.widen = nn.Linear(channels, expansion * channels)
        self.narrow = nn.Linear(expansion * channels, channels)
        self.drop = drop

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T) → (B, C, T)."""
        branch = self.norm(self.depthwise(F.pad(x, self.padding)).transpose(1, 2))
        branch = self.narrow(F.gelu(self.widen(branch))).transpose(1, 2)
        return x + drop_path(branch, self.drop, self.training)


class AlphaDiffract(nn.Module):
    """Pattern → logits and lattice, in 1.2 GFLOP."""

    default_heads: ClassVar[HeadOptions] = HeadOptions(lattice="bounded")

    def __init__(
        self,
        channels: int = 80,
        kernels: tuple[int, ...] = (100, 50, 25),
        pool: int = 5,
        positions: int = 7,
        class_widths: tuple[int, ...] = (2300, 1150),
        lattice_widths: tuple[int, ...] = (512, 256),
        drop_path: float = 0.3,
        dropout: float = 0.5,
        heads: HeadOptions = default_heads,
    ) -> None:
        super().__init__()
        self.options = heads
        self.stem = nn.Conv1d(1, channels, 1)
        stages: list[nn.Module] = []
        for kernel in kernels:
            stages += [ConvNeXtBlock(channels, kernel, drop_path), nn.AvgPool1d(pool, pool)]
        self.stages = nn.Sequential(*stages)
        left = 8192 // pool ** len(kernels)
        # Averages over equal windows that overlap a little: what an adaptive pool to 7 does.
        self.windows = [
            (i * left // positions, -(-(i + 1) * left // positions)) for i in range(positions)
        ]
        features = positions * channels
        self.crystal_system = _head(features, class_widths, SYSTEMS, dropout)
        self.space_group = _head(features, class_widths, GROUPS, dropout)
        self.lattice = _head(features, lattice_widths, heads.lattice_width, dropout)

    def forward(self, pattern: Tensor) -> HeadOutputs:
        """(B, 8192) of any positive scale → outputs; the network itself sees 0 … 100."""
        return answer(self.raw(pattern), self.options)

    def raw(self, pattern: Tensor) -> RawOutputs:
        """(B, 8192) → last layers. Scaled in float32, then in whatever the weights are."""
        x = 100 * scale_to_unit(pattern).unsqueeze(1)
        x = self.stages(self.stem(x.to(dtype_of(self.stem))))
        x = torch.stack([x[:, :, a:b].mean(dim=2) for a, b in self.windows], dim=2).flatten(1)
        return RawOutputs(self.crystal_system(x), self.space_group(x), self.lattice(x), x)


def _head(features: int, widths: tuple[int, ...], outputs: int, dropout: float) -> nn.Sequential:
    layers: list[nn.Module] = []
    for width in widths:
        layers += [nn.Linear(features, width), nn.GELU(), nn.Dropout(dropout)]
        features = width
    return nn.Sequential(*layers, nn.Linear(features, outputs))
