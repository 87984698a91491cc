"""The symmetric metric tensors of each Bravais type, as linear maps of six numbers.

A metric tensor is written g = (G₁₁, G₂₂, G₃₃, G₂₃, G₁₃, G₁₂).
"""

from __future__ import annotations

from functools import cache

import gemmi
import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

CENTRED = {"mC": "C", "oC": "C", "oF": "F", "oI": "I", "tI": "I", "hR": "R", "cF": "F", "cI": "I"}
"""Centring letter of the centred Bravais types in the setting of `_niggli_table`."""
_HOLOHEDRY = {"a": 2, "m": 10, "o": 47, "t": 123, "hP": 191, "hR": 166, "c": 221}
_ROWS, _COLUMNS = (0, 1, 2, 1, 0, 0), (0, 1, 2, 2, 2, 1)


def pack(metric: ArrayLike) -> Array:
    """(..., 3, 3) metric tensors as (..., 6)."""
    return np.asarray(metric, dtype=np.float64)[..., _ROWS, _COLUMNS]


def unpack(six: ArrayLike) -> Array:
    """(..., 6) as symmetric (..., 3, 3)."""
    values = np.asarray(six, dtype=np.float64)
    out = np.empty((*values.shape[:-1], 3, 3))
    out[..., _ROWS, _COLUMNS] = values
    out[..., _COLUMNS, _ROWS] = values
    return out


def change_of_basis(matrix: ArrayLike) -> Array:
    """(..., 6, 6) what `matrix` (..., 3, 3), new basis = matrix · old, does to packed metrics."""
    m = np.asarray(matrix, dtype=np.float64)[..., None, :, :]
    return np.swapaxes(pack(m @ unpack(np.eye(6)) @ np.swapaxes(m, -1, -2)), -1, -2)


@cache
def symmetric_part(bravais: str) -> Array:
    """(6, 6) projection of packed conventional metrics on those of Bravais type `bravais`.

    The mean over the holohedry's rotations: the nearest symmetric metric, whatever the strain.
    Monoclinic has unique axis b; hR is on hexagonal axes.
    """
    group = gemmi.find_spacegroup_by_number(_HOLOHEDRY.get(bravais, 0) or _HOLOHEDRY[bravais[0]])
    rotations = np.array([op.rot for op in group.operations().sym_ops]) / gemmi.Op.DEN
    return change_of_basis(np.swapaxes(rotations, -1, -2)).mean(axis=0)
