"""When each document of a replay goes out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def events_in(name: str, document: Mapping[str, Any]) -> int:
    """How many events a document holds."""
    if name == "event":
        return 1
    return len(document.get("seq_num", ())) if name == "event_page" else 0


class Pace:
    """Seconds after the first document at which each goes: as recorded, or at a fixed rate."""

    def __init__(self, *, rate: float | None = None, speed: float = 1.0) -> None:
        """`rate` in events a second goes before `speed`, which multiplies the recorded pace."""
        self._rate = rate
        self._speed = speed
        self._first: float | None = None
        self._due = 0.0
        self._events = 0

    def due(self, name: str, document: Mapping[str, Any]) -> float:
        """Never earlier than the document before, whatever the timestamps say."""
        if self._rate is not None:
            if events := events_in(name, document):
                self._due = self._events / self._rate
                self._events += events
        elif (recorded := _time(document)) is not None:
            if self._first is None:
                self._first = recorded
            self._due = max(self._due, (recorded - self._first) / self._speed)
        return self._due


def _time(document: Mapping[str, Any]) -> float | None:
    time = document.get("time")
    if isinstance(time, list):
        time = time[0] if time else None
    return float(time) if isinstance(time, int | float) else None
