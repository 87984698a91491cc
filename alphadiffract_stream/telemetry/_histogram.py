"""Durations counted in fixed buckets: a fraction of a microsecond each, and no growth."""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from math import inf

BOUNDS = (
    *(1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, inf),
)
"""Upper ends of the buckets, s."""


class Histogram:
    """How often a duration fell into each bucket; in the sense of Prometheus."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * len(BOUNDS)
        """In each bucket, not summed up."""
        self.total = 0.0
        """Sum of all durations, s."""

    def observe(self, seconds: float) -> None:
        """Count one duration."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds

    @property
    def count(self) -> int:
        """Durations counted."""
        return sum(self.counts)

    def cumulative(self) -> list[tuple[float, int]]:
        """(upper end in s, durations up to it)."""
        return list(zip(BOUNDS, accumulate(self.counts), strict=True))

    def quantile(self, q: float) -> float | None:
        """Seconds that a share `q` of the durations did not exceed; None where there are none.

        Evenly spread within a bucket, as PromQL's ``histogram_quantile`` takes them to be; beyond
        the last finite bound, that bound.
        """
        wanted = q * self.count
        if not self.count:
            return None
        below, lower = 0, 0.0
        for bound, up_to in self.cumulative():
            if up_to >= wanted and up_to > below:
                if bound == inf:
                    return lower
                return lower + (bound - lower) * (wanted - below) / (up_to - below)
            below, lower = up_to, bound
        return lower
