"""The grid every network sees: the paper's input, 2θ = 5…20° at 20 keV, 8192 points."""

from __future__ import annotations

import numpy as np

from ..pattern import HC_KEV_ANGSTROM

N_POINTS = 8192
GRID_ENERGY = 20.0
"""keV."""
GRID_WAVELENGTH = HC_KEV_ANGSTROM / GRID_ENERGY
"""Å: 0.61992."""
GRID_MIN, GRID_MAX = 5.0, 20.0
"""Degrees 2θ: d = 7.106 … 1.785 Å."""

GRID_TWO_THETA = np.linspace(GRID_MIN, GRID_MAX, N_POINTS)
"""(8192,) float64, degrees 2θ at 20 keV. Read only."""
GRID_TWO_THETA.flags.writeable = False

GRID_STEP = (GRID_MAX - GRID_MIN) / (N_POINTS - 1)
"""Degrees: 0.00183."""
