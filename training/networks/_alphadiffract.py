"""The network of the paper (arXiv 2603.23367, Tables 6 and 7), as far as they tell.

Three one-dimensional ConvNeXt blocks of 80 channels, depthwise kernels 100, 50 and 25, each
followed by an average pool of stride 5, and three heads. Two things the tables leave open: how 8192
points become 560 features (pooled 5 × 5 × 5 leaves 65 positions; 560 = 80 × 7 wants a last average
to 7), and the first widening, a pointwise convolution here. So read, it has 8.7 M parameters.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ._drop_path import drop_path
from ._front import scale_to_unit
from ._heads import HeadOutputs

LONGEST, WIDEST = 500.0, 180.0
"""Å and degrees: where the lattice head's sigmoids end."""


class ConvNeXtBlock(nn.Module):
    """x + pointwise(gelu(pointwise(norm(depthwise(x))))) without layer scale; (B, C, T) → same."""

    def __init__(self, channels: int, kernel: int, drop: float, expansion: int = 4) -> None:
        super().__init__()
        # Even kernels: one point more on the right.
        self.padding = ((kernel - 1) // 2, kernel // 2)
        self.depthwise = nn.Conv1d(channels, channels, kernel, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=1e-6)
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
    ) -> None:
        super().__init__()
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
        self.crystal_system = _head(features, class_widths, 7, dropout)
        self.space_group = _head(features, class_widths, 230, dropout)
        self.lattice = _head(features, lattice_widths, 6, dropout)

    def forward(self, pattern: Tensor) -> HeadOutputs:
        """(B, 8192) of any positive scale → outputs; the network itself sees 0 … 100."""
        x = self.stages(self.stem(100 * scale_to_unit(pattern).unsqueeze(1)))
        x = torch.stack([x[:, :, a:b].mean(dim=2) for a, b in self.windows], dim=2).flatten(1)
        bounded = self.lattice(x).float().sigmoid()
        return HeadOutputs(
            self.crystal_system(x).float(),
            self.space_group(x).float(),
            torch.cat([LONGEST * bounded[:, :3], WIDEST * bounded[:, 3:]], dim=1),
            x.float(),
        )


def _head(features: int, widths: tuple[int, ...], outputs: int, dropout: float) -> nn.Sequential:
    layers: list[nn.Module] = []
    for width in widths:
        layers += [nn.Linear(features, width), nn.GELU(), nn.Dropout(dropout)]
        features = width
    return nn.Sequential(*layers, nn.Linear(features, outputs))
