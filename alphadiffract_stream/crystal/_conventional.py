"""Conventional cell of a Niggli cell that is only nearly symmetric, as a network predicts it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._cell import Cell
from ._niggli_table import NIGGLI_TO_CONVENTIONAL
from ._projection import change_of_basis, symmetric_part, unpack
from ._space_groups import bravais_type

Array = NDArray[np.float64]
Six = tuple[float, float, float, float, float, float]

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
    six = _packed_metric(np.asarray(niggli, dtype=np.float64).tolist())
    inverse = _inverse(six)
    if inverse is None:
        return ConventionalCell((_NAN, _NAN, _NAN, _NAN, _NAN, _NAN), _NAN)
    forth, residual = _maps("oC" if bravais == "oA" else bravais)
    strain = (residual @ six).reshape(-1, 3, 3) @ inverse
    squares = (strain * strain.transpose(0, 2, 1)).sum(axis=(1, 2))
    misfits = 0.5 * np.sqrt(np.maximum(squares, 0.0))
    # The first of those that fit equally: the commonest, and the same on every machine.
    best = int(np.argmax(misfits <= misfits.min() + _TIE))
    a, b, c, *angles = _cell(_settled((forth[best] @ six).tolist(), bravais))
    return ConventionalCell((a, b, c, *_exact(angles, bravais)), float(misfits[best]))


# One pattern is answered at a time when latency counts. In numpy each of these six numbers would
# cost as much as all of them do here.


def _packed_metric(cell: Sequence[float]) -> Six:
    """Packed metric of six numbers; NaN where they are not finite."""
    if not all(map(math.isfinite, cell)):
        return _NAN, _NAN, _NAN, _NAN, _NAN, _NAN
    a, b, c, *angles = cell
    alpha, beta, gamma = (math.cos(math.radians(angle)) for angle in angles)
    return a * a, b * b, c * c, b * c * alpha, a * c * beta, a * b * gamma


def _inverse(metric: Six) -> Array | None:
    """(3, 3) inverse by cofactors; None where the metric is no cell's."""
    aa, bb, cc, bc, ac, ab = metric
    minors = (bb * cc - bc * bc, aa * cc - ac * ac, aa * bb - ab * ab)
    mixed = (ac * ab - aa * bc, ab * bc - bb * ac, ac * bc - ab * cc)
    volume = aa * minors[0] + ab * mixed[2] + ac * mixed[1]
    if not (aa > 0 and minors[2] > 0 and 0 < volume < math.inf):
        return None
    (xx, yy, zz), (yz, xz, xy) = minors, mixed
    return np.array(((xx, xy, xz), (xy, yy, yz), (xz, yz, zz))) / volume


def _cell(metric: Sequence[float]) -> list[float]:
    """Six numbers of the cell with this packed metric."""
    a, b, c = (math.sqrt(square) for square in metric[:3])
    products = (b * c, a * c, a * b)
    cosines = (dot / product for dot, product in zip(metric[3:], products, strict=True))
    return [a, b, c, *(math.degrees(math.acos(min(1.0, max(-1.0, x)))) for x in cosines)]


@cache
def _maps(bravais: str) -> tuple[Array, Array]:
    """For each character: packed Niggli metric → symmetric conventional one; → what it lacks.

    (m, 6, 6) and, unpacked, (m, 9, 6); the second stays in the Niggli basis, where one inverse
    metric serves all.
    """
    basis = np.array(NIGGLI_TO_CONVENTIONAL[bravais]).reshape(-1, 3, 3)
    forth = change_of_basis(basis)
    symmetric = symmetric_part(bravais) @ forth
    lacking = np.linalg.solve(forth, symmetric) - np.eye(6)
    return symmetric, (unpack(np.eye(6)).reshape(6, 9).T @ lacking)


def _settled(metric: Sequence[float], bravais: str) -> Sequence[float]:
    """The symmetric packed metric on the axes convention picks among the equivalent ones."""
    aa, bb, cc, _, ac, _ = metric
    if bravais[0] == "m":
        aa, cc, ac = _monoclinic_axes(aa, cc, ac, centred=bravais == "mC")
        return aa, bb, cc, 0.0, ac, 0.0
    if bravais[0] != "o":
        return metric
    if bravais in ("oC", "oA"):
        # The centred face holds a and b of C, b and c of A.
        face = sorted((aa, bb))
        lengths = [*face, cc] if bravais == "oC" else [cc, *face]
    else:
        lengths = sorted((aa, bb, cc))
    return *lengths, 0.0, 0.0, 0.0


def _monoclinic_axes(
    aa: float, cc: float, ac: float, *, centred: bool
) -> tuple[float, float, float]:
    """a², c² and a·c of the shortest a and c perpendicular to b with β ≥ 90°.

    With C centring, (a + b)/2 stays a lattice vector: a may only take even multiples of c.
    """
    unit = 2 if centred else 1
    for _ in range(100):
        n = round(-ac / aa)
        cc, ac = cc + n * (2 * ac + n * aa), ac + n * aa
        m = unit * round(-ac / (unit * cc))
        if m == 0:
            break
        aa, ac = aa + m * (2 * ac + m * cc), ac + m * cc
    if not centred and aa > cc:
        aa, cc = cc, aa
    # Turning a (or c) round leaves (a + b)/2 a lattice vector, up to b.
    return aa, cc, -abs(ac)


def _exact(angles: Sequence[float], bravais: str) -> tuple[float, float, float]:
    """Angles free of rounding where symmetry fixes them."""
    alpha, beta, gamma = angles
    if bravais[0] == "a":
        return alpha, beta, gamma
    if bravais[0] == "m":
        return 90.0, beta, 90.0
    return 90.0, 90.0, 120.0 if bravais[0] == "h" else 90.0
