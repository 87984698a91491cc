"""Bluesky documents to messages; shared by every transport that carries documents."""

from __future__ import annotations

from ._assembler import Assembler
from ._keys import PatternKeys
from ._recent import Recent
from ._references import SERIES, Reference
from ._seen import SequenceSet
from ._unfilled import Beside, Unfilled
from ._units import axis_unit

__all__ = [
    "SERIES",
    "Assembler",
    "Beside",
    "PatternKeys",
    "Recent",
    "Reference",
    "SequenceSet",
    "Unfilled",
    "axis_unit",
]
