"""Times of repeated work, on a monotonic clock, after a warm-up; numpy alone."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

import numpy as np

_WARM_UP = 3
"""Calls that are not counted: they allocate, load and fill caches."""
_TURN = 0.05
"""s a work is repeated before it is the next one's turn."""


@dataclass(frozen=True, slots=True)
class Spread:
    """How long something took, ms. Percentiles are times that were seen, never interpolated."""

    count: int
    mean: float
    p50: float
    p95: float
    p99: float
    longest: float

    @classmethod
    def of(cls, milliseconds: Iterable[float]) -> Spread:
        """Raises ValueError for no times at all."""
        times = np.fromiter(milliseconds, dtype=np.float64)
        if not times.size:
            raise ValueError("no times")
        p50, p95, p99 = np.percentile(times, (50, 95, 99), method="higher").tolist()
        return cls(times.size, float(times.mean()), p50, p95, p99, float(times.max()))


def interleaved(works: Mapping[str, Callable[[], object]], seconds: float) -> dict[str, Spread]:
    """Each work's times, all of them measured over the same stretch of time.

    They take turns of some 50 ms until each has had `seconds`, so that what else the machine does
    meanwhile weighs on all alike and their ratios mean something.
    """
    for work in works.values():
        for _ in range(_WARM_UP):
            work()
    times: dict[str, list[float]] = {name: [] for name in works}
    with quiet():
        while any(sum(t) < seconds * 1e3 for t in times.values()):
            for name, work in works.items():
                times[name] += _turn(work, seconds * 1e3 - sum(times[name]))
    return {name: Spread.of(t) for name, t in times.items()}


def _turn(work: Callable[[], object], left: float) -> list[float]:
    times: list[float] = []
    if left <= 0:
        return times
    end = perf_counter() + min(_TURN, left / 1e3)
    while not times or perf_counter() < end:
        began = perf_counter()
        work()
        times.append((perf_counter() - began) * 1e3)
    return times


@contextmanager
def quiet() -> Iterator[None]:
    """Without this process's own garbage collection, whose pauses are not what is measured."""
    was = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
