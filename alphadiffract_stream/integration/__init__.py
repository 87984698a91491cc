"""Detector frames in, powder patterns out: azimuthal integration with pyFAI, an optional extra."""

from __future__ import annotations

from ._integrator import METHOD, Integrated, Integrator
from ._limits import MOST_BYTES, MOST_PIXELS, check_shape, frame_of, frame_shape

__all__ = [
    "METHOD",
    "MOST_BYTES",
    "MOST_PIXELS",
    "Integrated",
    "Integrator",
    "check_shape",
    "frame_of",
    "frame_shape",
]
