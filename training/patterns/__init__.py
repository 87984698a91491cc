"""Training patterns: drawn anew each time from reflections, along the way a measured one takes.

Two engines draw the same: `compiled` (numba loops, best on a CPU) and `device` (torch tensors on
any device). Neither is imported here; see `open_drawer`.
"""

from __future__ import annotations

from ._augmentation import KEY, MEASURED, PAPER, Augmentation
from ._batch import SYSTEM_LIMITS, Batch, Drawer, joined, system_sums
from ._engines import EngineName, open_drawer
from ._loader import BalancedSampler, PatternLoader

__all__ = [
    "KEY",
    "MEASURED",
    "PAPER",
    "SYSTEM_LIMITS",
    "Augmentation",
    "BalancedSampler",
    "Batch",
    "Drawer",
    "EngineName",
    "PatternLoader",
    "joined",
    "open_drawer",
    "system_sums",
]
