"""Crystal structures: read, judged, brought to their standard setting, turned into reflections.

The only room of the training code that needs gemmi and spglib.
"""

from __future__ import annotations

from ._json_lines import (
    ENDINGS,
    LEFT_OUT,
    parse_structure,
    read_structures,
    structure_line,
    structure_lines,
)
from ._record import (
    FIRST_MIXTURE,
    Mixture,
    StructureRecord,
    cell_parameters,
    lattice_vectors,
)
from ._standardize import StandardCell, standardize
from ._tabulate import D_MAX, D_MIN, ReflectionEngine, reflector, tabulate

__all__ = [
    "D_MAX",
    "D_MIN",
    "ENDINGS",
    "FIRST_MIXTURE",
    "LEFT_OUT",
    "Mixture",
    "ReflectionEngine",
    "StandardCell",
    "StructureRecord",
    "cell_parameters",
    "lattice_vectors",
    "parse_structure",
    "read_structures",
    "reflector",
    "standardize",
    "structure_line",
    "structure_lines",
    "tabulate",
]
