"""The peaks of a pattern, in the order of what they meant to the network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import find_peaks

from alphadiffract_stream.grid import GRID_TWO_THETA, GRID_WAVELENGTH, two_theta_to_d


@dataclass(frozen=True, slots=True)
class Peak:
    """One maximum of a pattern."""

    two_theta: float
    """Degrees at 20 keV."""
    d: float
    """Å."""
    intensity: float
    """Of the strongest, 0…1."""
    heat: float
    """0…1."""


def peaks_that_mattered(
    pattern: NDArray[np.float32], heat: NDArray[np.float32], least: float = 0.03, most: int = 12
) -> list[Peak]:
    """Peaks of (8192,) `pattern` that rise by `least` of its height, the most heeded first."""
    span = float(pattern.max() - pattern.min())
    height = (pattern - pattern.min()) / (span or 1.0)
    found, _ = find_peaks(height, prominence=least)
    order = found[np.argsort(-heat[found], kind="stable")][:most]
    d = two_theta_to_d(GRID_TWO_THETA[order], GRID_WAVELENGTH)
    return [
        Peak(float(GRID_TWO_THETA[i]), float(spacing), float(height[i]), float(heat[i]))
        for i, spacing in zip(order, d, strict=True)
    ]
