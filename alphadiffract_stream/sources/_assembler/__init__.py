"""Bluesky documents to messages; shared by every transport that carries documents."""

from __future__ import annotations

from ._assembler import Assembler
from ._keys import PatternKeys
from ._recent import Recent
from ._seen import SequenceSet
from ._units import axis_unit

__all__ = ["Assembler", "PatternKeys", "Recent", "SequenceSet", "axis_unit"]
