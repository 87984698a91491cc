"""Training patterns: drawn anew each time from reflections, along the way a measured one takes."""

from __future__ import annotations

from ._augmentation import MEASURED, PAPER, Augmentation
from ._batches import BalancedSampler, Batch, PatternDrawer, PatternLoader, draw

__all__ = [
    "MEASURED",
    "PAPER",
    "Augmentation",
    "BalancedSampler",
    "Batch",
    "PatternDrawer",
    "PatternLoader",
    "draw",
]
