"""Powder patterns from crystal structures: the physics GSAS-II uses, in numpy and gemmi.

Shared by the demo (a simulated furnace), the display (reflection ticks) and the training code.
Checked against GSAS-II on a set of golden patterns (`tests/unit/simulation`).
"""

from __future__ import annotations

from ._contents import StructureError, UnitCellContents, orbit, read_cif, unit_cell_contents
from ._form_factors import anomalous, form_factor
from ._pattern import integrated_intensity, simulate
from ._profile import Profile, axial_shift, pseudo_voigt, thompson_cox_hastings
from ._reflections import Reflections, reflections, structure_factor_squared
from ._site_labels import small_structure

__all__ = [
    "Profile",
    "Reflections",
    "StructureError",
    "UnitCellContents",
    "anomalous",
    "axial_shift",
    "form_factor",
    "integrated_intensity",
    "orbit",
    "pseudo_voigt",
    "read_cif",
    "reflections",
    "simulate",
    "small_structure",
    "structure_factor_squared",
    "thompson_cox_hastings",
    "unit_cell_contents",
]
