"""Whether memory grows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Flatness:
    """Memory after the warm-up, bytes."""

    warm_up: float
    """s that are not looked at."""
    median: float
    lowest: float
    highest: float
    growth: float
    """Bytes an hour, by least squares."""

    @property
    def deviation(self) -> float:
        """The largest distance from the median, as a share of it."""
        return max(self.highest - self.median, self.median - self.lowest) / self.median


def flatness(samples: list[tuple[float, int]], warm_up: float) -> Flatness:
    """Of (s, bytes). Raises ValueError where fewer than two are left after the warm-up."""
    left = np.array([sample for sample in samples if sample[0] >= warm_up], dtype=float)
    if len(left) < 2:
        raise ValueError(f"{len(left)} samples after {warm_up:g} s")
    at, held = left.T
    slope = np.polyfit(at - at[0], held, 1)[0]
    return Flatness(
        warm_up, float(np.median(held)), float(held.min()), float(held.max()), float(slope * 3600)
    )
