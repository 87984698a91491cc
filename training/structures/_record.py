"""A crystal as a data base or a file gives it: every atom of a cell, in any setting."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FIRST_MIXTURE = 1000
"""Numbers from here on in `StructureRecord.atomic_numbers` are rows of its `mixtures`."""

Mixture = tuple[tuple[int, float], ...]
"""What shares a site: (atomic number, occupancy) of each, occupancies summing to at most 1."""


@dataclass(frozen=True, slots=True, eq=False)
class StructureRecord:
    """Every atom of a cell, as a data base gives it (P1, any setting)."""

    identifier: str
    formula: str
    space_group_number: int
    """At symprec 0.1 Å."""
    space_group_number_tight: int
    """At symprec 0.01 Å; where the two differ the group is not certain."""
    lattice: NDArray[np.float64]
    """(3, 3) rows a, b, c, Å."""
    fractional: NDArray[np.float64]
    """(n, 3)."""
    atomic_numbers: NDArray[np.int32]
    """(n,); 1000 + i where a site is shared or not full: row i of `mixtures`."""
    mixtures: tuple[Mixture, ...] = ()
    u_iso: NDArray[np.float64] | None = None
    """(n,) Å², where the source names displacements."""
    family_name: str | None = None
    """A wider family than that of formula and space group, where the curation gave one."""
    theoretical: bool | None = None
    """Computed and never measured, where the source says so; else told by the identifier."""

    @property
    def family(self) -> str:
        """Near-duplicates share it; a family never straddles training and validation."""
        return self.family_name or self.compound

    @property
    def compound(self) -> str:
        """Reduced formula and space group.

        A shared or partly empty site counts as its most abundant
        element, so that the members of a solid solution are together with its end member.
        """
        counts = np.unique(self.dominant, return_counts=True)
        divisor = np.gcd.reduce(counts[1])
        reduced = "".join(f"{z}-{n // divisor}." for z, n in zip(*counts, strict=True))
        return f"{reduced}{self.space_group_number}"

    @property
    def dominant(self) -> NDArray[np.int32]:
        """(n,) atomic number of the most abundant element of each site."""
        if not self.mixtures:
            return self.atomic_numbers
        most = [max(mixture, key=lambda part: (part[1], -part[0]))[0] for mixture in self.mixtures]
        mixed = self.atomic_numbers >= FIRST_MIXTURE
        numbers = self.atomic_numbers.copy()
        numbers[mixed] = np.array(most, dtype=np.int32)[numbers[mixed] - FIRST_MIXTURE]
        return numbers

    def parts(self, number: int) -> Mixture:
        """Elements and occupancies of a site with `number` in `atomic_numbers`."""
        return (
            self.mixtures[number - FIRST_MIXTURE] if number >= FIRST_MIXTURE else ((number, 1.0),)
        )


def lattice_vectors(cell: list[float]) -> NDArray[np.float64]:
    """Rows a ∥ x, b in the xy plane, c (Å) of a cell a b c α β γ (Å, °).

    Raises ValueError where no such cell exists.
    """
    a, b, c = cell[:3]
    cos_a, cos_b, cos_g = np.cos(np.radians(cell[3:]))
    sin_g = np.sqrt(1 - cos_g**2)
    height2 = 1 - cos_b**2 - ((cos_a - cos_b * cos_g) / sin_g) ** 2 if sin_g > 0 else 0.0
    if min(cell) <= 0 or max(cell[3:]) >= 180 or not height2 > 0:
        raise ValueError(f"impossible cell {cell}")
    x = c * cos_b
    y = c * (cos_a - cos_b * cos_g) / sin_g
    return np.array([[a, 0, 0], [b * cos_g, b * sin_g, 0], [x, y, np.sqrt(c * c - x * x - y * y)]])


def cell_parameters(
    lattice: NDArray[np.float64],
) -> tuple[float, float, float, float, float, float]:
    """a b c (Å) α β γ (°) of row vectors (3, 3)."""
    metric = lattice @ lattice.T
    a, b, c = np.sqrt(np.diag(metric))
    cosines = np.array([metric[1, 2] / b / c, metric[0, 2] / a / c, metric[0, 1] / a / b])
    alpha, beta, gamma = np.degrees(np.arccos(np.clip(cosines, -1, 1)))
    return float(a), float(b), float(c), float(alpha), float(beta), float(gamma)
