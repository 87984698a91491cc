"""Whether two Niggli cells are the same one, as far as cells of one crystal differ."""

from __future__ import annotations

from itertools import permutations

import numpy as np
from numpy.typing import NDArray

LENGTH_TOLERANCE = 0.03
ANGLE_TOLERANCE = 2.0
"""Relative, and degrees. Order and sign of the axes do not count: both jump where a cell is nearly
degenerate."""


def misfits(cells: NDArray[np.floating], cell: NDArray[np.floating]) -> NDArray[np.float64]:
    """(N,) largest relative difference of a length between each of `cells` (N, 6) and `cell` (6,);
    infinite where they are not the same.
    """
    ways = _settings(cell)[:, None]
    length = np.abs(cells[:, :3] / ways[..., :3] - 1).max(axis=2)
    angle = np.abs(cells[:, 3:] - ways[..., 3:]).max(axis=2)
    same = (length <= LENGTH_TOLERANCE) & (angle <= ANGLE_TOLERANCE)
    return np.where(same, length, np.inf).min(axis=0)


def cells_found(predicted: NDArray[np.floating], true: NDArray[np.floating]) -> NDArray[np.bool_]:
    """(N,) whether each predicted cell (N, 6) is the true one; NaN matches nothing."""
    pairs = zip(predicted, true, strict=True)
    return np.array([np.isfinite(misfits(one[None], other)[0]) for one, other in pairs], bool)


def _settings(cell: NDArray[np.floating]) -> NDArray[np.float64]:
    """(24, 6): axes in every order, and each turned round (two angles become 180° minus)."""
    ways = []
    for order in permutations(range(3)):
        lengths, angles = cell[list(order)], cell[[3 + i for i in order]]
        for turned in (None, 0, 1, 2):
            flipped = [
                angle if turned is None or i == turned else 180 - angle
                for i, angle in enumerate(angles)
            ]
            ways.append([*lengths, *flipped])
    return np.array(ways)
