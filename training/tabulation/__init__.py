"""Reflections of a whole data base: many processes or machines, resumable, nothing lost."""

from __future__ import annotations

from ._chunk import Chunk, LeftOut, records_of, tabulate_entries
from ._executors import open_executor, ordered
from ._run import Tabulation, tabulate_sources

__all__ = [
    "Chunk",
    "LeftOut",
    "Tabulation",
    "open_executor",
    "ordered",
    "records_of",
    "tabulate_entries",
    "tabulate_sources",
]
