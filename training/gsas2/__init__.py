"""GSAS-II as an engine, through its public scripting interface, guarded where it is silent.

GSAS-II (Toby & Von Dreele 2013, J. Appl. Cryst. 46, 544) is not on the Python index; its users
install it with conda or pixi, and it is imported here only when asked for.
"""

from __future__ import annotations

from ._calculator import Calculator, calculator
from ._guards import check_atoms, check_background, check_cell, check_reflections, check_symmetry
from ._module import available, load_scriptable
from ._setting import Setting, gsas2_setting

__all__ = [
    "Calculator",
    "Setting",
    "available",
    "calculator",
    "check_atoms",
    "check_background",
    "check_cell",
    "check_reflections",
    "check_symmetry",
    "gsas2_setting",
    "load_scriptable",
]
