"""Conventional cell of a Niggli cell that is only nearly symmetric, as a network predicts it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._cell import Cell, cell_from_metric, metric_tensor
from ._niggli_table import NIGGLI_TO_CONVENTIONAL
from ._projection import change_of_basis, pack, symmetric_part, unpack
from ._space_groups import bravais_type

Array = NDArray[np.float64]

_NAN = float("nan")
_TIE = 1e-9


@dataclass(frozen=True, slots=True)
class ConventionalCell:
    """A conventional cell and how far the Niggli cell it came from was from allowing it."""

    cell: Cell
    """a b c (Å) α β γ (°), exactly symmetric; NaN where the six numbers enclose no volume."""
    misfit: float
    """Strain (Frobenius norm, so 0.01 is about 1 %) from the nearest symmetric cell; NaN too."""


def conventional_cell(niggli: ArrayLike, space_group_number: int) -> ConventionalCell:
    """Conventional cell nearest to `niggli` that space group `space_group_number` allows.

    niggli: a b c (Å) α β γ (°). Every lattice character of the group's Bravais type is tried and
    the one that needs the least strain is taken. What the lattice leaves open is settled so:
    orthorhombic a ≤ b ≤ c (C: a ≤ b; A: b ≤ c) whatever the group's symbol would ask; monoclinic
    unique axis b, β ≥ 90°, the shortest a and c (P: a ≤ c) the centring allows; rhombohedral on
    hexagonal axes. Triclinic cells are returned as they are.

    Raises SpaceGroupError for a number outside 1…230.
    """
    bravais = bravais_type(space_group_number)
    metric = metric_tensor(niggli)
    if not _positive(metric):
        return ConventionalCell((_NAN, _NAN, _NAN, _NAN, _NAN, _NAN), _NAN)
    forth, residual = _maps("oC" if bravais == "oA" else bravais)
    six = pack(metric)
    strain = unpack(residual @ six) @ np.linalg.inv(metric)
    misfits = 0.5 * np.sqrt(np.maximum(np.einsum("mij,mji->m", strain, strain), 0.0))
    # The first of those that fit equally: the commonest, and the same on every machine.
    best = int(np.argmax(misfits <= misfits.min() + _TIE))
    symmetric = unpack(forth[best] @ six)
    a, b, c, *angles = cell_from_metric(_settled(symmetric, bravais)).tolist()
    return ConventionalCell((a, b, c, *_exact(angles, bravais)), float(misfits[best]))


def _positive(metric: Array) -> bool:
    if not np.isfinite(metric).all() or metric[0, 0] <= 0:
        return False
    return bool(np.linalg.det(metric[:2, :2]) > 0 and np.linalg.det(metric) > 0)


@cache
def _maps(bravais: str) -> tuple[Array, Array]:
    """For each character: packed Niggli metric → symmetric conventional one; → what it lacks.

    (m, 6, 6) each; the second stays in the Niggli basis, where one inverse metric serves all.
    """
    basis = np.array(NIGGLI_TO_CONVENTIONAL[bravais]).reshape(-1, 3, 3)
    forth = change_of_basis(basis)
    symmetric = symmetric_part(bravais) @ forth
    return symmetric, np.linalg.solve(forth, symmetric) - np.eye(6)


def _settled(metric: Array, bravais: str) -> Array:
    """The symmetric metric on the axes convention picks among the equivalent ones."""
    if bravais[0] == "m":
        basis = _monoclinic_axes(metric, centred=bravais == "mC")
        return basis @ metric @ basis.T
    if bravais[0] != "o":
        return metric
    lengths = np.diag(metric)
    order = np.argsort(lengths, kind="stable")
    if bravais in ("oC", "oA"):
        # The centred face holds a and b of C, b and c of A.
        a, b = (0, 1) if lengths[0] <= lengths[1] else (1, 0)
        order = np.array([a, b, 2] if bravais == "oC" else [2, a, b])
    return metric[np.ix_(order, order)]


def _monoclinic_axes(metric: Array, centred: bool) -> Array:
    """Shortest a and c perpendicular to b with β ≥ 90°, as integer rows.

    With C centring, (a + b)/2 stays a lattice vector: a may only take even multiples of c.
    """
    aa, cc, ac = metric[0, 0], metric[2, 2], metric[0, 2]
    a, c = np.array([1, 0, 0]), np.array([0, 0, 1])
    unit = 2 if centred else 1
    for _ in range(100):
        n = round(-ac / aa)
        c, cc, ac = c + n * a, cc + n * (2 * ac + n * aa), ac + n * aa
        m = unit * round(-ac / (unit * cc))
        if m == 0:
            break
        a, aa, ac = a + m * c, aa + m * (2 * ac + m * cc), ac + m * cc
    if not centred and aa > cc:
        a, c = c, a
    b = np.array([0, 1, 0])
    # Turning a (or c) round leaves (a + b)/2 a lattice vector, up to b.
    return np.array([a, b, -c if ac > 0 else c])


def _exact(angles: Sequence[float], bravais: str) -> tuple[float, float, float]:
    """Angles free of rounding where symmetry fixes them."""
    alpha, beta, gamma = angles
    if bravais[0] == "a":
        return alpha, beta, gamma
    if bravais[0] == "m":
        return 90.0, beta, 90.0
    return 90.0, 90.0, 120.0 if bravais[0] == "h" else 90.0
