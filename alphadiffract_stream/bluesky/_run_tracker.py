"""Which run a RunEngine has open, and the number its next event will have."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any


class RunTracker:
    """Subscribed to a RunEngine, knows the exposure that is under way."""

    def __init__(self) -> None:
        self.start: Mapping[str, Any] = {}
        """Start document of the run that is open; empty where none is."""
        self.on_event: Callable[[], None] = lambda: None
        """Called when an event was emitted."""
        self._lock = threading.Lock()
        self._streams: dict[str, str] = {}
        """Descriptor uid → stream name."""
        self._last: dict[str, int] = {}
        """Stream name → seq_num of its latest event."""

    def __call__(self, name: str, document: Mapping[str, Any]) -> None:
        """Take one document of a raw run."""
        with self._lock:
            match name:
                case "start":
                    self.start = document
                    self._streams.clear()
                    self._last.clear()
                case "descriptor":
                    self._streams[document["uid"]] = document.get("name", "primary")
                case "event" if document["descriptor"] in self._streams:
                    self._last[self._streams[document["descriptor"]]] = document["seq_num"]
                case "stop":
                    self.start = {}
        if name == "event":
            self.on_event()

    @property
    def run_uid(self) -> str:
        """Of the open run; empty where none is."""
        return str(self.start.get("uid", ""))

    def last(self, stream: str) -> int:
        """seq_num of the latest event of `stream`; 0 before the first."""
        with self._lock:
            return self._last.get(stream, 0)
