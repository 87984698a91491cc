"""The axis lines are compared on: points of equal width in log q, as networks see a pattern.

On it a cell that is larger in all directions moves every line by the same number of points.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

POINTS = 4096
GRID_ENDS = (5.0, 20.0)
GRID_WAVELENGTH = 12.398419843320026 / 20.0
"""Degrees 2θ and Å: the canonical grid's."""
_FIRST, _LAST = np.log(np.sin(np.radians(np.array(GRID_ENDS) / 2)))
STEP = float(_LAST - _FIRST) / POINTS
"""Of ln q: 0.034 %."""


def places(inverse_d: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points at which lines of 1/d (Å⁻¹) lie; outside 0…`POINTS` for those off the grid."""
    return (np.log(GRID_WAVELENGTH * inverse_d / 2) - _FIRST) / STEP - 0.5
