"""Peak shapes by Fourier transform: the cost of a pattern does not depend on its lines.

Each line is spread over a grid of half steps, shared between the four of K peak shapes (those at
its pattern's anchor angles) that lie around its own; the transform of each anchor's lines times
the analytic transform of its pseudo-Voigt is summed and transformed back once. Tails are exact but
for their periodic images, which the grid's extra length keeps below 4e-4 of a peak's own height.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from .._axis import POINTS, START, STEP, STOP
from ._lines import MARGIN, Lines
from ._spread import kernel_transform, spread
from ._widths import Broadening

LENGTH = 20480
"""Half steps: 15° of grid and 3.75° to keep the tails' images away."""
HALF = STEP / 2
TABLE = 65
"""Angles at which the widths are looked at to place the anchors."""


class FourierSum:
    """Sums lines on one device with K anchor shapes a pattern."""

    def __init__(self, device: torch.device, anchors: int = 6) -> None:
        frequency = np.arange(LENGTH // 2 + 1) / LENGTH
        correction = 1 / (kernel_transform(frequency) * HALF)
        self._anchors = anchors
        self._frequency = torch.tensor(frequency / HALF, dtype=torch.float32, device=device)
        self._correction = torch.tensor(correction, dtype=torch.float32, device=device)
        low, high = START - MARGIN, STOP + MARGIN
        self._table = torch.linspace(low, high, TABLE, device=device)

    def __call__(self, lines: Lines, broadening: Broadening, patterns: int) -> Tensor:
        """(patterns, 8192) float32."""
        measure = self._measure(broadening, patterns)
        fwhm, eta = self._anchor_shapes(broadening, measure)
        grid = torch.zeros(self._anchors * patterns, LENGTH, device=lines.area.device)
        first, shares = self._shares(lines, measure)
        rows = [(first + i) * patterns + lines.pattern for i in range(len(shares))]
        weights = [lines.area.float() * share for share in shares]
        spread(grid, rows, (lines.position - START) / HALF, weights)
        total = torch.zeros(
            patterns, LENGTH // 2 + 1, dtype=torch.complex64, device=lines.area.device
        )
        for k, trains in enumerate(grid.view(self._anchors, patterns, LENGTH)):
            total += torch.fft.rfft(trains) * self._transform(fwhm[:, k, None], eta[:, k, None])
        total *= self._correction
        return torch.fft.irfft(total, n=LENGTH)[:, : 2 * POINTS : 2].contiguous()

    def _measure(self, broadening: Broadening, patterns: int) -> Tensor:
        """(B, TABLE) anchor number 0 … K − 1 as a function of angle.

        It moves on with the logarithm of the width, so that neighbouring shapes are alike.
        """
        rows = torch.arange(patterns, device=self._table.device)[:, None].expand(-1, TABLE)
        fwhm, _ = broadening.widths(self._table.expand(patterns, -1), rows)
        change = fwhm.log().diff(dim=1).abs() + 1e-3 / TABLE
        total = torch.nn.functional.pad(change.cumsum(dim=1), (1, 0))
        return total / total[:, -1:] * (self._anchors - 1)

    def _anchor_shapes(self, broadening: Broadening, measure: Tensor) -> tuple[Tensor, Tensor]:
        """FWHM and η (B, K) at the angles where `measure` is 0, 1, … K − 1."""
        wanted = torch.arange(self._anchors, device=measure.device, dtype=measure.dtype)
        wanted = wanted.expand(len(measure), -1).contiguous()
        right = torch.searchsorted(measure, wanted).clamp(1, TABLE - 1)
        low, high = measure.gather(1, right - 1), measure.gather(1, right)
        part = ((wanted - low) / (high - low)).clamp(0, 1)
        angle = self._table[right - 1] + part * (self._table[1] - self._table[0])
        rows = torch.arange(len(measure), device=measure.device)[:, None].expand_as(right)
        return broadening.widths(angle, rows)

    def _shares(self, lines: Lines, measure: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Of each line: the first of its four anchors, and how much of the line each gets.

        Cubic interpolation between the shapes: Lagrange's polynomials, whose sum is 1.
        """
        angle = lines.position.float().clamp(self._table[0], self._table[-1])
        place = (angle - self._table[0]) / (self._table[1] - self._table[0])
        index = place.long().clamp(0, TABLE - 2)
        low, high = measure[lines.pattern, index], measure[lines.pattern, index + 1]
        number = low + (place - index) * (high - low)
        first = (number.long() - 1).clamp(0, self._anchors - 4)
        x = number - first
        return first, [
            -(x - 1) * (x - 2) * (x - 3) / 6,
            x * (x - 2) * (x - 3) / 2,
            -x * (x - 1) * (x - 3) / 2,
            x * (x - 1) * (x - 2) / 6,
        ]

    def _transform(self, fwhm: Tensor, eta: Tensor) -> Tensor:
        """Of a unit-area pseudo-Voigt (B, 1), at the grid's frequencies: (B, LENGTH / 2 + 1)."""
        x = math.pi * fwhm * self._frequency
        # Far below any precision; processors are slow at numbers that nearly underflow.
        square = (x * x * (-0.25 / math.log(2))).clamp_min(-60.0)
        return eta * torch.exp(-x) + (1 - eta) * torch.exp(square)
