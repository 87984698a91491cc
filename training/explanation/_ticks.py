"""Where the predicted cell and group would put reflections."""

from __future__ import annotations

from itertools import product

import gemmi
import numpy as np
from numpy.typing import ArrayLike, NDArray

from alphadiffract_stream.crystal import conventional_cell, metric_tensor
from alphadiffract_stream.grid import GRID_MAX, GRID_MIN, GRID_WAVELENGTH

MOST = 40
"""Largest index looked at: a cell of 70 Å still shows its lines."""


def reflection_ticks(niggli: ArrayLike, space_group_number: int) -> NDArray[np.float64]:
    """2θ (degrees at 20 keV) of the group's reflections on the grid, from a (6,) Niggli cell.

    The conventional cell nearest to it that the group allows; systematic absences left out. Empty
    where the six numbers enclose no volume.
    """
    cell = np.array(conventional_cell(niggli, space_group_number).cell)
    if not np.isfinite(cell).all():
        return np.zeros(0)
    group = gemmi.find_spacegroup_by_number(space_group_number)
    if group is None:
        raise ValueError(f"space group {space_group_number}: not one of 1 … 230")
    d_min = GRID_WAVELENGTH / (2 * np.sin(np.radians(GRID_MAX / 2)))
    d_max = GRID_WAVELENGTH / (2 * np.sin(np.radians(GRID_MIN / 2)))
    limits = np.minimum(np.ceil(cell[:3] / d_min).astype(int), MOST)
    h, k, length = limits
    hkl = np.array(
        list(product(range(h + 1), range(-k, k + 1), range(-length, length + 1))), dtype=np.int32
    )
    inverse = np.linalg.inv(metric_tensor(cell))
    q_squared = np.einsum("ni,ij,nj->n", hkl, inverse, hkl)
    near = (q_squared >= d_max**-2) & (q_squared <= d_min**-2)
    present = ~group.operations().systematic_absences(hkl[near])
    d = 1 / np.sqrt(q_squared[near][present])
    return np.unique(np.round(2 * np.degrees(np.arcsin(GRID_WAVELENGTH / (2 * d))), 5))
