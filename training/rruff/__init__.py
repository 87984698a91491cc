"""RRUFF's own downloads as an evaluation set, screened as the paper did (§5.1). Evaluation only.

RRUFF (Lafuente et al. 2015) carries no open licence: cite it, and do not pass its files on. Its
patterns are never trained on and nothing is tuned on them.
"""

from __future__ import annotations

from ._dif import DifFile, parse_dif
from ._files import read_texts
from ._rules import RULES, Dropped, RruffError
from ._screen import Entry, Screening, screen
from ._write import write_set
from ._xy import XyFile, parse_xy

__all__ = [
    "RULES",
    "DifFile",
    "Dropped",
    "Entry",
    "RruffError",
    "Screening",
    "XyFile",
    "parse_dif",
    "parse_xy",
    "read_texts",
    "screen",
    "write_set",
]
