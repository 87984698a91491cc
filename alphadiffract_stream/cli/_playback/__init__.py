"""What `replay` plays: recorded documents or pattern files, and at what pace."""

from __future__ import annotations

from ._log import is_log, read_log
from ._pace import Pace, events_in
from ._raw_run import Named, raw_documents

__all__ = ["Named", "Pace", "events_in", "is_log", "raw_documents", "read_log"]
