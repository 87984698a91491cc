"""Niggli reduction (Křivý & Gruber 1976) by gemmi."""

from __future__ import annotations

import gemmi
import numpy as np
from numpy.typing import ArrayLike

from ._cell import Cell

_POINTS = {"P": 1, "A": 2, "B": 2, "C": 2, "I": 2, "F": 4, "R": 3}


def niggli_cell(cell: ArrayLike, centring: str = "P") -> Cell:
    """Niggli-reduced primitive cell of a conventional `cell`.

    cell: a b c (Å) α β γ (°). centring: P A B C I F, or R for hexagonal axes of a rhombohedral
    lattice (use P with rhombohedral axes). Raises ValueError for another letter or six numbers
    that enclose no volume.
    """
    six = np.asarray(cell, dtype=np.float64).tolist()
    if centring not in _POINTS:
        raise ValueError(f"centring: {centring!r}; use one of {', '.join(_POINTS)}")
    unit_cell = gemmi.UnitCell(*six)
    if not (np.isfinite(six).all() and min(six) > 0 and unit_cell.volume > 0):
        raise ValueError(f"cell: {six} encloses no volume")
    vector = gemmi.GruberVector(unit_cell, centring)
    vector.niggli_reduce()
    a, b, c, alpha, beta, gamma = vector.cell_parameters()
    return a, b, c, alpha, beta, gamma
