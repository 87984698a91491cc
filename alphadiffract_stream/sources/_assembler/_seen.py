"""Which sequence numbers were seen, in memory that grows with the gaps and not with the scan."""

from __future__ import annotations

from bisect import bisect_right


class SequenceSet:
    """A set of integers kept as intervals."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._stops: list[int] = []

    def add(self, number: int) -> bool:
        """Remember `number`; False when it was there already."""
        if number in self:
            return False
        i = bisect_right(self._starts, number)
        joins_left = i > 0 and self._stops[i - 1] == number
        joins_right = i < len(self._starts) and self._starts[i] == number + 1
        if joins_left and joins_right:
            self._stops[i - 1] = self._stops.pop(i)
            del self._starts[i]
        elif joins_left:
            self._stops[i - 1] = number + 1
        elif joins_right:
            self._starts[i] = number
        else:
            self._starts.insert(i, number)
            self._stops.insert(i, number + 1)
        return True

    def __contains__(self, number: int) -> bool:
        i = bisect_right(self._starts, number) - 1
        return i >= 0 and number < self._stops[i]

    def __len__(self) -> int:
        return sum(self._stops) - sum(self._starts)
