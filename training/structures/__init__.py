"""Crystal structures: read, judged, brought to their standard setting, turned into reflections.

The only room of the training code that needs gemmi and spglib.
"""

from __future__ import annotations

from ._laue import laue_rotations
from ._materials_project import StructureRecord, read_materials_project
from ._standardize import StandardCell, standardize
from ._tabulate import D_MAX, D_MIN, tabulate, tabulate_all

__all__ = [
    "D_MAX",
    "D_MIN",
    "StandardCell",
    "StructureRecord",
    "laue_rotations",
    "read_materials_project",
    "standardize",
    "tabulate",
    "tabulate_all",
]
