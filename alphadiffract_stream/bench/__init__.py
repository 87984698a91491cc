"""How fast the way of a pattern is: stage by stage, by engine and batch, and from end to end."""

from __future__ import annotations

from ._plan import Arrivals, Part, Plan
from ._plot import plot
from ._report import Report
from ._run import run_bench
from ._text import show
from ._timing import Spread, interleaved

__all__ = [
    "Arrivals",
    "Part",
    "Plan",
    "Report",
    "Spread",
    "interleaved",
    "plot",
    "run_bench",
    "show",
]
