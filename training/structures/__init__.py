"""Crystal structures: read, judged and brought to their standard setting."""

from __future__ import annotations

from ._materials_project import StructureRecord, read_materials_project
from ._standardize import StandardCell, standardize

__all__ = ["StandardCell", "StructureRecord", "read_materials_project", "standardize"]
