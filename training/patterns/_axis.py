"""The canonical axis and the emission lines, shared by both engines."""

from __future__ import annotations

START, STOP, POINTS = 5.0, 20.0, 8192
"""Degrees 2θ at 20 keV."""
STEP = (STOP - START) / (POINTS - 1)
CANONICAL = 12.398419843 / 20.0
"""Å."""
CU_K_ALPHA1, CU_K_ALPHA2, CU_MEAN = 1.540593, 1.544427, 1.5418
"""Å."""
