"""The exact sum of pseudo-Voigts, line by line: for checks, and for the few impurity lines."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .._axis import POINTS, START, STEP
from ._lines import Lines
from ._widths import Broadening

CHUNK = 512
"""Lines evaluated over the whole grid at once."""


def direct_sum(lines: Lines, broadening: Broadening, patterns: int) -> Tensor:
    """(patterns, 8192) float32, without any cut of the tails."""
    device = lines.area.device
    axis = START + STEP * torch.arange(POINTS, device=device, dtype=torch.float64)
    total = torch.zeros(patterns, POINTS, device=device)
    for first in range(0, len(lines.area), CHUNK):
        part = slice(first, first + CHUNK)
        owner, position = lines.pattern[part], lines.position[part]
        fwhm, eta = broadening.widths(position.float(), owner)
        x = (axis - position[:, None]).float() / fwhm[:, None]
        peaks = pseudo_voigt(x, eta[:, None]) * (lines.area[part].float() / fwhm)[:, None]
        total.index_add_(0, owner, peaks)
    return total


def pseudo_voigt(x: Tensor, eta: Tensor) -> Tensor:
    """Of unit area and unit FWHM at distance `x`."""
    x2 = x * x
    lorentz = (2 / math.pi) * eta / (1 + 4 * x2)
    gauss = 2 * math.sqrt(math.log(2) / math.pi) * (1 - eta)
    return lorentz + gauss * torch.exp(-4 * math.log(2) * x2)
