"""Patterns on the grid every network sees: 2θ = 5…20° at 20 keV, 8192 points."""

from __future__ import annotations

from ._background import BACKGROUND_METHODS, check_background
from ._bragg import bragg_convert, d_to_q, d_to_two_theta, q_to_d, two_theta_to_d
from ._canonical import (
    GRID_ENERGY,
    GRID_MAX,
    GRID_MIN,
    GRID_STEP,
    GRID_TWO_THETA,
    GRID_WAVELENGTH,
    N_POINTS,
)
from ._resampler import Resampler
from ._to_grid import GridPattern, resample, to_grid

__all__ = [
    "BACKGROUND_METHODS",
    "GRID_ENERGY",
    "GRID_MAX",
    "GRID_MIN",
    "GRID_STEP",
    "GRID_TWO_THETA",
    "GRID_WAVELENGTH",
    "N_POINTS",
    "GridPattern",
    "Resampler",
    "bragg_convert",
    "check_background",
    "d_to_q",
    "d_to_two_theta",
    "q_to_d",
    "resample",
    "to_grid",
    "two_theta_to_d",
]
