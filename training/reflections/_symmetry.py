"""What drawing and training must know of the 230 space groups, beside the crystals themselves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class SymmetryTables:
    """Laue rotations, and the subgroup graph where a file carries it."""

    rotations: NDArray[np.int8]
    """(230, 24, 3, 3) acting on row vectors hkl, ± left out."""
    counts: NDArray[np.int64]
    """(230,) how many of the 24 are used."""
    distances: NDArray[np.int8] | None = None
    """(230, 230) hops in the maximal-subgroup graph."""

    @classmethod
    def derived(cls, distances: NDArray[np.int8] | None = None) -> SymmetryTables:
        """From gemmi's space groups."""
        from ._laue import laue_rotations  # needs gemmi, which packed tables do without

        return cls(*laue_rotations(), distances)

    @classmethod
    def load(cls, path: Path) -> SymmetryTables:
        """Of a packed reflection file; derived with gemmi for an unpacked one."""
        with np.load(path) as arrays:
            if "laue_rotations" not in arrays:
                return cls.derived()
            return cls(
                arrays["laue_rotations"],
                arrays["laue_counts"].astype(np.int64),
                arrays["graph_distances"],
            )
