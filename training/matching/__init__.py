"""Remembered crystals compared with a pattern line by line: the second look of the serving network.

Looking keys up finds the right crystal among the nearest fifty far more often than as the nearest.
Here those are compared with the pattern itself, as a search-match program does, and a small trained
judge says how well each explains it. Torch and numpy alone.
"""

from __future__ import annotations

from ._compare import Comparison, compared
from ._fit import fit_judge, judged
from ._folder import MATCHING, Matching, load_matching, members_of, save_matching
from ._joint import JointNetwork
from ._judge import Judge, JudgeOptions, Verdict
from ._lines import LINES, NONE, Lines, lines_of
from ._network import WithMatching
from ._preselect import likeliest
from ._profile import Profile, Seen
from ._queries import Queries, draw_queries
from ._remembered import open_memory, rows_of
from ._shares import shares_right

__all__ = [
    "LINES",
    "MATCHING",
    "NONE",
    "Comparison",
    "JointNetwork",
    "Judge",
    "JudgeOptions",
    "Lines",
    "Matching",
    "Profile",
    "Queries",
    "Seen",
    "Verdict",
    "WithMatching",
    "compared",
    "draw_queries",
    "fit_judge",
    "judged",
    "likeliest",
    "lines_of",
    "load_matching",
    "members_of",
    "open_memory",
    "rows_of",
    "save_matching",
    "shares_right",
]
