"""Which parts of a pattern a network's answer rests on."""

from __future__ import annotations

from ._figure import explanation_figure
from ._grad_cam import Attention, grad_cam
from ._peaks import Peak, peaks_that_mattered
from ._ticks import reflection_ticks

__all__ = [
    "Attention",
    "Peak",
    "explanation_figure",
    "grad_cam",
    "peaks_that_mattered",
    "reflection_ticks",
]
