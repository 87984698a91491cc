"""A set that remembers only what was put in lately."""

from __future__ import annotations


class Recent:
    """At most `limit` strings; the oldest are forgotten."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._items: dict[str, None] = {}

    def add(self, item: str) -> None:
        """Remember `item`."""
        self._items.pop(item, None)
        self._items[item] = None
        if len(self._items) > self._limit:
            del self._items[next(iter(self._items))]

    def __contains__(self, item: object) -> bool:
        return item in self._items
