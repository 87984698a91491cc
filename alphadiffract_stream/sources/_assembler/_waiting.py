"""Events whose descriptor has not come yet: bounded in number; the assembler bounds their age."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from ._raw_documents import Event


class Waiting:
    """At most `limit` events, oldest first."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._events: deque[tuple[float, Event]] = deque()

    @property
    def oldest(self) -> float | None:
        """When the oldest event came, on the caller's clock."""
        return self._events[0][0] if self._events else None

    def add(self, event: Event, now: float) -> list[Event]:
        """Keep `event`; returns those there is no more room for."""
        self._events.append((now, event))
        overflow = len(self._events) - self.limit
        return [self._events.popleft()[1] for _ in range(overflow)]

    def take(self, descriptor_uid: str) -> list[Event]:
        """Events of a descriptor that has come."""
        taken = [e for _, e in self._events if e.descriptor == descriptor_uid]
        if taken:
            kept = ((t, e) for t, e in self._events if e.descriptor != descriptor_uid)
            self._events = deque(kept)
        return taken

    def older_than(self, time: float) -> Iterator[Event]:
        """Events that came up to `time`; they are taken out."""
        while self._events and self._events[0][0] <= time:
            yield self._events.popleft()[1]

    def all(self) -> Iterator[Event]:
        """Every event; they are taken out."""
        while self._events:
            yield self._events.popleft()[1]
