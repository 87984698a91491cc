"""Peak shapes by Fourier transform: the cost of a pattern does not depend on its lines.

A pseudo-Voigt is a Lorentzian and a Gaussian of one width. Each line is spread over a grid of half
steps, once for either, shared between a few widths of its pattern as polynomial interpolation in
the logarithm of the width says; the transform of each width's lines times its analytic shape is
summed and transformed back once. Interpolation costs at most 7e-4 of a peak's height over Table 5;
tails are exact but for their periodic images, which the grid's extra length keeps below 4e-4.
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
"""Angles at which the widths of a pattern are looked at."""
LORENTZIANS, GAUSSIANS = 5, 4
"""Widths of either shape a pattern is made of."""


class FourierSum:
    """Sums lines on one device."""

    def __init__(
        self, device: torch.device, lorentzians: int = LORENTZIANS, gaussians: int = GAUSSIANS
    ) -> None:
        frequency = np.arange(LENGTH // 2 + 1) / LENGTH
        correction = 1 / (kernel_transform(frequency) * HALF)
        self._frequency = torch.tensor(frequency / HALF, dtype=torch.float32, device=device)
        self._correction = torch.tensor(correction, dtype=torch.float32, device=device)
        self._angles = torch.linspace(START - MARGIN, STOP + MARGIN, TABLE, device=device)
        self._lorentz = _Anchors(lorentzians, device)
        self._gauss = _Anchors(gaussians, device)

    def __call__(self, lines: Lines, broadening: Broadening, patterns: int) -> Tensor:
        """(patterns, 8192) float32."""
        rows = torch.arange(patterns, device=lines.area.device)[:, None].expand(-1, TABLE)
        table, _ = broadening.widths(self._angles.expand(patterns, -1), rows)
        low, high = table.log().aminmax(dim=1)
        fwhm, eta = broadening.widths(lines.position.float(), lines.pattern)
        middle, half = 0.5 * (low + high), (0.5 * (high - low)).clamp_min(1e-6)
        place = ((fwhm.log() - middle[lines.pattern]) / half[lines.pattern]).clamp(-1, 1)
        area, position = lines.area.float(), (lines.position - START) / HALF
        total = torch.zeros(patterns, LENGTH // 2 + 1, dtype=torch.complex64, device=area.device)
        for anchors, amount, transform in (
            (self._lorentz, area * eta, _lorentz_transform),
            (self._gauss, area * (1 - eta), _gauss_transform),
        ):
            grid = torch.zeros(len(anchors) * patterns, LENGTH, device=area.device)
            weights = [amount * share for share in anchors.shares(place)]
            targets = [lines.pattern + i * patterns for i in range(len(anchors))]
            spread(grid, targets, position, weights)
            for node, trains in zip(anchors.nodes, grid.view(-1, patterns, LENGTH), strict=True):
                width = torch.exp(middle + node * half)
                x = (math.pi * width)[:, None] * self._frequency
                total += torch.fft.rfft(trains) * transform(x)
        total *= self._correction
        return torch.fft.irfft(total, n=LENGTH)[:, : 2 * POINTS : 2].contiguous()


class _Anchors:
    """Chebyshev's nodes on −1 … 1 and Lagrange's polynomials through them."""

    def __init__(self, count: int, device: torch.device) -> None:
        nodes = np.cos(np.pi * (2 * np.arange(count) + 1) / (2 * count))
        self.nodes = [float(node) for node in nodes]
        # Coefficients of each polynomial, highest power first: rows of an inverse Vandermonde.
        self._coefficients = [
            [float(c) for c in column] for column in np.linalg.inv(np.vander(nodes)).T
        ]

    def __len__(self) -> int:
        return len(self.nodes)

    def shares(self, place: Tensor) -> list[Tensor]:
        """Of each node at `place` (R,) in −1 … 1; they sum to 1."""
        result = []
        for highest, *others in self._coefficients:
            value = torch.full_like(place, highest)
            for coefficient in others:
                value = value * place + coefficient
            result.append(value)
        return result


def _lorentz_transform(x: Tensor) -> Tensor:
    """At x = π · FWHM · frequency."""
    return torch.exp(-x)


def _gauss_transform(x: Tensor) -> Tensor:
    # Cut far below any precision; processors are slow at numbers that nearly underflow.
    return torch.exp((x * x * (-0.25 / math.log(2))).clamp_min(-60.0))
