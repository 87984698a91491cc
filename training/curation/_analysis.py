"""What spglib says of a structure, worked out once and only when a rule asks."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import spglib
import spglib.error
from numpy.typing import NDArray

from ..structures import StructureRecord, cell_parameters

# Rows of a primitive cell in those of spglib's standard conventional cell, by centring.
PRIMITIVE = {
    "P": np.eye(3),
    "A": np.array([[1, 0, 0], [0, 0.5, -0.5], [0, 0.5, 0.5]]),
    "C": np.array([[0.5, 0.5, 0], [-0.5, 0.5, 0], [0, 0, 1]]),
    "I": np.array([[-0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.5, 0.5, -0.5]]),
    "F": np.array([[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]),
    "R": np.array([[2, 1, 1], [-1, 1, 1], [-1, -2, 1]]) / 3,
}


FamilyKind = Literal["compound", "prototype"]


@dataclass(frozen=True, slots=True)
class Tolerances:
    """The limits of the rules; the paper's by default (§5.1)."""

    symprec: tuple[float, float] = (0.01, 0.1)
    """Å, tightest and loosest."""
    angle: tuple[float, float] = (0.1, 5.0)
    """Degrees."""
    niggli: float = 1e-3
    """Relative, of lengths and angles."""
    volume: float = 100_000.0
    """Å³ of the conventional cell; not reached."""
    atoms: int = 500
    """Sites of the cell as given; not exceeded."""
    ordered_only: bool = False
    """Leave out crystals with shared or partly empty sites."""
    families: FamilyKind = "compound"
    """What may not be in training and validation at once: formula and space group, or the
    prototype, so that isotypic compounds are together."""

    def as_json(self) -> dict[str, Any]:
        """For the record of a curation."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}


class Analysis:
    """Symmetry of one record at several tolerances, and its cell in the standard setting."""

    def __init__(self, record: StructureRecord, tolerances: Tolerances) -> None:
        self.record = record
        self.tolerances = tolerances
        self._cell = (record.lattice, record.fractional, record.atomic_numbers)
        # spglib's coming behaviour: raise instead of answering None.
        spglib.error.OLD_ERROR_HANDLING = False

    def dataset(self, symprec: float, angle: float) -> spglib.SpglibDataset:
        """Raises spglib.error.SpglibError where no symmetry is found."""
        return spglib.get_symmetry_dataset(self._cell, symprec=symprec, angle_tolerance=angle)  # pyright: ignore[reportArgumentType, reportReturnType]

    @cached_property
    def tightest(self) -> spglib.SpglibDataset:
        """At the tight end of both ranges."""
        return self.dataset(self.tolerances.symprec[0], self.tolerances.angle[0])

    @cached_property
    def groups(self) -> dict[tuple[float, float], int]:
        """Space group where both tolerances are tight and where both are loose; 0: none found.

        What lies between has a symmetry between the two: of 1559 structures, every hundredth of
        the Materials Project's, none agreed at both ends and differed at a tight distance with a
        loose angle or the reverse.
        """
        low, high = self.tolerances.symprec
        fine, coarse = self.tolerances.angle
        try:
            loose = int(self.dataset(high, coarse).number)
        except spglib.error.SpglibError:
            loose = 0
        return {(low, fine): int(self.tightest.number), (high, coarse): loose}

    @cached_property
    def conventional(self) -> NDArray[np.float64]:
        """(3, 3) rows (Å): the record's own lattice in the standard setting, not idealised."""
        transformation = np.asarray(self.tightest.transformation_matrix)
        return np.linalg.inv(transformation).T @ self.record.lattice

    @property
    def prototype(self) -> str:
        """Space group and, by element without its name, how many atoms each of its orbits has.

        Isotypic compounds share it, and so do now and then crystals that are not.
        """
        data = self.tightest
        _, first, counts = np.unique(
            np.asarray(data.crystallographic_orbits), return_index=True, return_counts=True
        )
        conventional = counts * len(data.std_types) // len(self.record.atomic_numbers)
        elements = self.record.dominant[first]
        sizes = (sorted(conventional[elements == z].tolist()) for z in np.unique(elements))
        named = " ".join("+".join(map(str, of_element)) for of_element in sorted(sizes))
        return f"{data.number}: {named}"

    @cached_property
    def niggli(self) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
        """a b c (Å) α β γ (°) of the record's own Niggli cell and of the idealised one.

        None where the reduction does not end.
        """
        ideal = np.asarray(self.tightest.std_lattice)
        primitive = PRIMITIVE[self.tightest.international[0]]
        reduced = spglib.niggli_reduce(primitive @ ideal, eps=1e-5)
        if reduced is None:
            return None
        to_niggli = np.asarray(reduced) @ np.linalg.inv(ideal)
        return cell_parameters(to_niggli @ self.conventional), cell_parameters(np.asarray(reduced))
