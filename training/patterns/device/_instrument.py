"""What an instrument does to clean patterns, point by point; shares of the grid are 0 … 1."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import torch
from torch import Tensor

from .._augmentation import Augmentation
from .._axis import CANONICAL, CU_MEAN, POINTS, START, STEP, STOP

SHORTEST, LONGEST = 0.35, 1.1
"""Å; of the synchrotron wavelengths drawn."""


def longest_axis(a: Augmentation) -> int:
    """Points no instrument's axis has more of."""

    def points(wavelength: float, step: float) -> int:
        first, last = (own_angle(np.array(x), wavelength / CANONICAL) for x in (START, STOP))
        return int((last - first) / step) + 4

    wavelengths = (SHORTEST, LONGEST, CU_MEAN)
    drawn = max(points(w, a.step_min * w / CANONICAL) for w in wavelengths)
    return max(drawn, points(CU_MEAN, 0.01))


def own_angle(two_theta: np.ndarray, ratio: float) -> np.ndarray:
    """2θ on the instrument of what is at `two_theta` for 20 keV; ratio of wavelengths."""
    return 2 * np.degrees(np.arcsin(np.minimum(np.sin(np.radians(two_theta) / 2) * ratio, 0.999)))


def add_background(pattern: Tensor, c: SimpleNamespace) -> Tensor:
    """A floor that falls with angle and one amorphous hump; shares of the strongest point."""
    x = torch.arange(POINTS, device=pattern.device) / (POINTS - 1)
    level, steep, hump = (v.float()[:, None] for v in (c.background, c.steepness, c.hump))
    centre, width = (v.float()[:, None] for v in (c.hump_centre, c.hump_width))
    z = (x - centre) / width
    shape = level * torch.exp(-steep * x) + hump * torch.exp(-0.5 * z * z)
    return pattern + pattern.amax(dim=1, keepdim=True) * shape


class OwnSteps:
    """The instruments' own axes of B patterns, and the way to and from the canonical grid."""

    def __init__(self, c: SimpleNamespace, longest: int) -> None:
        self._ratio = (c.wavelength / CANONICAL)[:, None]
        self._step = c.step[:, None]
        device = self._step.device
        first, last = self._own(c.step.new_tensor([[START, STOP]])).split(1, dim=1)
        points = ((last - first) / self._step).long() + 3
        self._begin = first - self._step - c.offset[:, None]
        number = torch.arange(longest, device=device)
        self.valid = number < points
        """(B, longest) True at the points the instrument has."""
        self._last = points - 1
        own = self._begin + torch.minimum(number, self._last) * self._step
        sine = torch.sin(torch.deg2rad(own) / 2) / self._ratio
        self._axis = 2 * torch.rad2deg(torch.asin(sine.clamp_max(1.0)))

    def sample(self, pattern: Tensor) -> Tensor:
        """Linear interpolation of patterns (B, 8192) at the own steps: (B, longest)."""
        place = ((self._axis - START) / STEP).clamp(0.0, POINTS - 1.000001)
        index = place.long()
        part = (place - index).float()
        left = pattern.gather(1, index)
        return left + part * (pattern.gather(1, index + 1) - left)

    def to_grid(self, values: Tensor) -> Tensor:
        """Mean of the piecewise linear signal over each cell of the grid: (B, 8192).

        What the service's resampling does; the sums are in double precision.
        """
        y, axis = values.double(), self._axis
        area = 0.5 * (y[:, 1:] + y[:, :-1]) * axis.diff(dim=1)
        integral = torch.nn.functional.pad(area.cumsum(dim=1), (1, 0))
        edge = START + STEP * (
            torch.arange(POINTS + 1, device=values.device, dtype=torch.float64) - 0.5
        )
        index = ((self._own(edge[None]) - self._begin) / self._step).long()
        index = torch.minimum(index, self._last - 1).clamp_min(0)
        low, high = axis.gather(1, index), axis.gather(1, index + 1)
        x = torch.clamp(torch.maximum(edge, axis[:, :1]), max=axis[:, -1:]) - low
        below = y.gather(1, index)
        slope = (y.gather(1, index + 1) - below) / (high - low)
        at_edge = integral.gather(1, index) + below * x + 0.5 * slope * x * x
        return (at_edge.diff(dim=1) / STEP).float()

    def _own(self, two_theta: Tensor) -> Tensor:
        sine = torch.sin(torch.deg2rad(two_theta) / 2) * self._ratio
        return 2 * torch.rad2deg(torch.asin(sine.clamp_max(0.999)))


def clip(pattern: Tensor, clipped: Tensor) -> Tensor:
    """Baseline subtracted and negatives cut, where `clipped` (B,)."""
    ordered = pattern[:, ::16].sort(dim=1).values
    middle = ordered.shape[1] // 2
    floor = 0.5 * (ordered[:, middle - 1] + ordered[:, middle])
    return torch.where(clipped[:, None], (pattern - floor[:, None]).clamp_min(0.0), pattern)


def truncate(pattern: Tensor, c: SimpleNamespace) -> Tensor:
    """The stretch first … last alone; the rest is 0, as uncovered points are."""
    number = torch.arange(POINTS, device=pattern.device)
    kept = ((c.last - c.first) * POINTS).long()
    first = torch.where(c.first > 0, POINTS - kept, 0)
    inside = (number >= first[:, None]) & (number < (first + kept)[:, None])
    lowest = torch.where(inside, pattern, torch.inf).amin(dim=1, keepdim=True)
    return torch.where(inside, pattern - lowest, 0.0)


def scale_to_unit(pattern: Tensor) -> Tensor:
    """Each to 0 … 1."""
    low, high = pattern.aminmax(dim=1, keepdim=True)
    return (pattern - low) / (high - low).clamp_min(1e-30)
