"""What happened lately, and when."""

from __future__ import annotations


class Recent:
    """At most `limit` names, each with the time it was put in; the oldest are forgotten."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._times: dict[str, float] = {}

    def add(self, name: str, time: float = 0.0) -> None:
        """Remember `name`."""
        self._times.pop(name, None)
        self._times[name] = time
        if len(self._times) > self._limit:
            del self._times[next(iter(self._times))]

    def discard(self, name: str) -> None:
        """Forget `name`, if it is there."""
        self._times.pop(name, None)

    def time(self, name: str) -> float | None:
        """When `name` was put in; None if it is not there."""
        return self._times.get(name)

    def __contains__(self, name: object) -> bool:
        return name in self._times
