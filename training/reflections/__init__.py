"""Reflection tables of many crystals: what patterns are drawn from. numpy alone."""

from __future__ import annotations

from ._origin import MINERAL, is_theoretical
from ._packed import write_pack
from ._store import ReflectionStore
from ._symmetry import SymmetryTables

__all__ = ["MINERAL", "ReflectionStore", "SymmetryTables", "is_theoretical", "write_pack"]
