"""What was accepted and is not answered yet, kept on disk so that it outlives the process."""

from __future__ import annotations

from ._entry import Entry
from ._records import Event, KeptRun, RunRow
from ._spool import Spool

__all__ = ["Entry", "Event", "KeptRun", "RunRow", "Spool"]
