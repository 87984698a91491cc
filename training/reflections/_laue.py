"""Rotations of every space group's Laue class, for averages over equivalent reflections."""

from __future__ import annotations

import gemmi
import numpy as np
from numpy.typing import NDArray


def laue_rotations() -> tuple[NDArray[np.int8], NDArray[np.int64]]:
    """(230, 24, 3, 3) rotations acting on row vectors hkl, ± left out, and (230,) how many."""
    table = np.zeros((230, 24, 3, 3), dtype=np.int8)
    count = np.zeros(230, dtype=np.int64)
    for number in range(1, 231):
        operations = gemmi.find_spacegroup_by_number(number).operations()
        rotations = np.array([op.rot for op in operations.sym_ops]) // gemmi.Op.DEN
        rotations *= np.linalg.det(rotations).round().astype(int)[:, None, None]
        distinct = np.unique(rotations, axis=0)
        table[number - 1, : len(distinct)] = distinct
        count[number - 1] = len(distinct)
    return table, count
