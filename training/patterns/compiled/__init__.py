"""Patterns drawn one after another by compiled loops: the engine for CPUs. Needs numba, scipy."""

from __future__ import annotations

from ._clean import clean_pattern
from ._drawer import PatternDrawer
from ._scan import ScanDrawer, Scans

__all__ = ["PatternDrawer", "ScanDrawer", "Scans", "clean_pattern"]
