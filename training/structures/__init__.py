"""Crystal structures: read, judged, brought to their standard setting, turned into reflections.

The only room of the training code that needs gemmi and spglib.
"""

from __future__ import annotations

from ._json_lines import parse_structure, read_structures, structure_line
from ._laue import laue_rotations
from ._record import StructureRecord, lattice_vectors
from ._standardize import StandardCell, standardize
from ._tabulate import D_MAX, D_MIN, tabulate, tabulate_all

__all__ = [
    "D_MAX",
    "D_MIN",
    "StandardCell",
    "StructureRecord",
    "lattice_vectors",
    "laue_rotations",
    "parse_structure",
    "read_structures",
    "standardize",
    "structure_line",
    "tabulate",
    "tabulate_all",
]
