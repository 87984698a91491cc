"""How many structures of one or two sets are the same crystal (the paper's supplement, §2)."""

from __future__ import annotations

from ._clusters import clusters
from ._families import Families, gather
from ._fingerprint import FEATURES, STATISTICS, fingerprint
from ._report import markdown, write_report
from ._run import FamilyResult, compare
from ._summary import SimilaritySummary, summarize

__all__ = [
    "FEATURES",
    "STATISTICS",
    "Families",
    "FamilyResult",
    "SimilaritySummary",
    "clusters",
    "compare",
    "fingerprint",
    "gather",
    "markdown",
    "summarize",
    "write_report",
]
