"""Networks: a canonical pattern in, logits and a lattice out. torch alone."""

from __future__ import annotations

from ._alphadiffract import AlphaDiffract
from ._build import Network, build
from ._compact import Compact
from ._front import LogAxis, scale_to_unit
from ._heads import HeadOptions, HeadOutputs, Heads, RawOutputs, answer
from ._precision import in_bfloat16, quick_in_bfloat16

__all__ = [
    "AlphaDiffract",
    "Compact",
    "HeadOptions",
    "HeadOutputs",
    "Heads",
    "LogAxis",
    "Network",
    "RawOutputs",
    "answer",
    "build",
    "in_bfloat16",
    "quick_in_bfloat16",
    "scale_to_unit",
]
