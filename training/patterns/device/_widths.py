"""Thompson–Cox–Hastings widths of many patterns; see `alphadiffract_stream.simulation.Profile`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import SimpleNamespace

import torch
from torch import Tensor

from .._axis import CANONICAL

SIGMA_TO_FWHM = 2.354820045
FLOOR = 0.001


@dataclass(frozen=True, slots=True, eq=False)
class Broadening:
    """Of each pattern, (B,): size (µm), microstrain (10⁻⁶), U, V, W (centideg²)."""

    size: Tensor
    microstrain: Tensor
    u: Tensor
    v: Tensor
    w: Tensor

    @classmethod
    def of(cls, conditions: SimpleNamespace) -> Broadening:
        """In float32, as peaks are added."""
        names = ("size", "microstrain", "u", "v", "w")
        return cls(*(getattr(conditions, name).float() for name in names))

    def widths(self, two_theta: Tensor, pattern: Tensor) -> tuple[Tensor, Tensor]:
        """FWHM (degrees) and η at 2θ (degrees), of the patterns indexed; any one shape."""
        theta = torch.deg2rad(two_theta) / 2
        tangent = theta.tan()
        u, v, w = self.u[pattern], self.v[pattern], self.w[pattern]
        variance = (u * tangent**2 + v * tangent + w).clamp_min(FLOOR)
        size = (1.8 * CANONICAL / math.pi) / (self.size[pattern] * theta.cos())
        strain = (0.018 / math.pi) * self.microstrain[pattern] * tangent
        y = (size + strain).clamp_min(FLOOR)
        g = SIGMA_TO_FWHM * variance.sqrt()
        total = (
            g**5
            + 2.69269 * g**4 * y
            + 2.42843 * g**3 * y**2
            + 4.47163 * g**2 * y**3
            + 0.07842 * g * y**4
            + y**5
        ) ** 0.2
        q = y / total
        return 0.01 * total, 1.36603 * q - 0.47719 * q**2 + 0.11116 * q**3
