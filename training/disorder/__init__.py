"""Disordered crystals out of ordered ones: what a data base of computed structures lacks.

Computed structures have an element on every site. Solid solutions, spread-out alkali metals and
hydrogens are in them as ordered cases, in a subgroup of the symmetry that diffraction sees.
"""

from __future__ import annotations

from ._average import averaged
from ._judge import SYMPREC, disordered, mixed_name
from ._likeness import Kinds, alike, mixings

__all__ = ["SYMPREC", "Kinds", "alike", "averaged", "disordered", "mixed_name", "mixings"]
