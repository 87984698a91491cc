"""The compact family: a patchify stem on a log-q axis and plain residual convolutions.

Plain convolutions rather than depthwise ones: they are what a CPU does fastest, in training
(channels-last bfloat16) and in service. Tensors are (B, C, 1, T): the second spatial axis is only
there because two-dimensional kernels are the optimised ones.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from ._drop_path import drop_path
from ._front import LogAxis, dtype_of, scale_to_unit
from ._heads import HeadOptions, HeadOutputs, Heads, RawOutputs, answer


class Block(nn.Module):
    """relu(x + conv(relu(conv(x)))), batch norm after each convolution; branches may be dropped."""

    def __init__(self, channels: int, kernel: int, drop_path: float) -> None:
        super().__init__()
        self.first = _conv(channels, channels, kernel)
        self.second = _conv(channels, channels, kernel)
        self.activation = nn.ReLU()
        self.drop_path = drop_path

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, 1, T) → same."""
        branch = self.second(self.activation(self.first(x)))
        branch = drop_path(branch, self.drop_path, self.training)
        return self.activation(x + branch)


class Compact(nn.Module):
    """Pattern → logits and lattice in about 150 MFLOP."""

    default_heads: ClassVar[HeadOptions] = HeadOptions()

    def __init__(
        self,
        points: int = 4096,
        stem_kernel: int = 32,
        stem_stride: int = 16,
        channels: tuple[int, ...] = (96, 160, 256),
        kernels: tuple[int, ...] = (5, 3, 3),
        depths: tuple[int, ...] = (1, 1, 1),
        positions: int = 16,
        features: int = 512,
        drop_path: float = 0.0,
        dropout: float = 0.3,
        heads: HeadOptions = default_heads,
    ) -> None:
        super().__init__()
        self.options = heads
        self.axis = LogAxis(points)
        padding = (stem_kernel - stem_stride) // 2
        self.stem = nn.Sequential(
            nn.Conv2d(2, channels[0], (1, stem_kernel), (1, stem_stride), (0, padding), bias=False),
            nn.BatchNorm2d(channels[0]),
            nn.ReLU(),
        )
        stages: list[nn.Module] = []
        for i, (width, kernel, depth) in enumerate(zip(channels, kernels, depths, strict=True)):
            if i:
                stages += [_conv(channels[i - 1], width, 3, stride=2), nn.ReLU()]
            stages += [Block(width, kernel, drop_path) for _ in range(depth)]
        self.stages = nn.Sequential(*stages)
        tokens = points // stem_stride // 2 ** (len(channels) - 1)
        self.pool = nn.AvgPool2d((1, tokens // positions))
        self.neck = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(positions * channels[-1], features),
            nn.BatchNorm1d(features),
            nn.ReLU(),
        )
        self.heads = Heads(features, dropout, heads)

    def forward(self, pattern: Tensor) -> HeadOutputs:
        """(B, 8192) of any positive scale → outputs."""
        return answer(self.raw(pattern), self.options)

    def raw(self, pattern: Tensor) -> RawOutputs:
        """(B, 8192) → last layers. Scaled in float32, then in whatever the weights are."""
        x = self.axis(scale_to_unit(pattern))
        x = torch.stack([x.clamp_min(0).sqrt(), x], dim=1).unsqueeze(2)
        x = x.to(dtype_of(self.stem)).contiguous(memory_format=torch.channels_last)
        x = self.pool(self.stages(self.stem(x)))
        return self.heads(self.neck(x))


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    padding = (0, kernel // 2)
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, (1, kernel), (1, stride), padding, bias=False),
        nn.BatchNorm2d(outputs),
    )
