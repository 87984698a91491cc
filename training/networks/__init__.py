"""Networks: a canonical pattern in, logits and a lattice out. torch alone."""

from __future__ import annotations

from ._alphadiffract import AlphaDiffract
from ._build import build
from ._compact import Compact
from ._front import LogAxis, scale_to_unit
from ._heads import HeadOutputs, Heads

__all__ = ["AlphaDiffract", "Compact", "HeadOutputs", "Heads", "LogAxis", "build", "scale_to_unit"]
