"""A set of sequence numbers that stays small however long the run: kept as ranges."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator


class SeqNums:
    """Which seq_nums were seen. Adding in order costs O(1) and one range a gap."""

    def __init__(self, ranges: Iterable[Iterable[int]] = ()) -> None:
        """ranges: first and last of each, ascending and apart, as `ranges` gives them."""
        pairs = [tuple(pair) for pair in ranges]
        self._first: list[int] = [first for first, _ in pairs]
        self._last: list[int] = [last for _, last in pairs]
        self.count = sum(last - first + 1 for first, last in pairs)

    @property
    def ranges(self) -> list[tuple[int, int]]:
        """First and last of each unbroken range, ascending."""
        return list(zip(self._first, self._last, strict=True))

    @property
    def highest(self) -> int:
        """The last number; 0 without any."""
        return self._last[-1] if self._last else 0

    def __contains__(self, n: int) -> bool:
        i = bisect_right(self._first, n) - 1
        return i >= 0 and n <= self._last[i]

    def add(self, n: int) -> bool:
        """Add `n`; False if it was there."""
        i = bisect_right(self._first, n) - 1
        if i >= 0 and n <= self._last[i]:
            return False
        self.count += 1
        touches_left = i >= 0 and self._last[i] == n - 1
        touches_right = i + 1 < len(self._first) and self._first[i + 1] == n + 1
        if touches_left and touches_right:
            self._last[i] = self._last.pop(i + 1)
            del self._first[i + 1]
        elif touches_left:
            self._last[i] = n
        elif touches_right:
            self._first[i + 1] = n
        else:
            self._first.insert(i + 1, n)
            self._last.insert(i + 1, n)
        return True

    def gaps(self, num_events: int | None = None) -> Iterator[range]:
        """Ranges never seen, from 1 (or a lower first number) to the last seen or declared.

        num_events: how many the stop document declares; None where it does not say.
        """
        start = min(1, self._first[0]) if self._first else 1
        stop = start + (num_events or 0)
        expected = start
        for first, last in zip(self._first, self._last, strict=True):
            if first > expected:
                yield range(expected, first)
            expected = last + 1
        if stop > expected:
            yield range(expected, stop)
