"""Patterns drawn in batches by torch, on the device that trains. torch and numpy alone.

What is one number a pattern is drawn on the host (`_plan`), what is one number a line or a point
on the device: lines (`_lines`), peak shapes (`_fourier`, `_direct`), instrument (`_instrument`),
noise (`_noise`). The same physics as `compiled`, which is the better engine on a CPU.
"""

from __future__ import annotations

from ._clean import clean_patterns
from ._compare import fourier_error, largest_difference
from ._drawer import DeviceDrawer
from ._plan import Plan, draw_plan

__all__ = [
    "DeviceDrawer",
    "Plan",
    "clean_patterns",
    "draw_plan",
    "fourier_error",
    "largest_difference",
]
