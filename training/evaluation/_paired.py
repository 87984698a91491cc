"""Two answers to the same patterns: the difference, and whether it is more than chance."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

Z = 1.96
"""Of a 95 % interval."""


@dataclass(frozen=True, slots=True)
class Paired:
    """One share of patterns by either answer, and their difference on the same patterns."""

    first: float
    second: float
    difference: float
    """second − first."""
    interval: float
    """Half-width of the difference's 95 % interval, paired by pattern."""

    @property
    def decided(self) -> bool:
        """Whether the interval leaves out zero."""
        return abs(self.difference) > self.interval

    def as_dict(self) -> dict[str, float]:
        """For JSON."""
        return asdict(self)


def paired_share(first: NDArray, second: NDArray) -> Paired:
    """Means of two (N,) and of their difference, N ≥ 2."""
    difference = second.astype(np.float64) - first.astype(np.float64)
    return Paired(
        float(first.mean()),
        float(second.mean()),
        float(difference.mean()),
        float(Z * difference.std(ddof=1) / np.sqrt(difference.size)),
    )


def mcnemar(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> tuple[int, int, float]:
    """Patterns lost and gained from `first` to `second` (N,), and the exact two-sided p.

    McNemar (1947) Psychometrika 12, 153: of the patterns that changed, half should have got worse.
    """
    from scipy.stats import binomtest

    lost, gained = int((first & ~second).sum()), int((second & ~first).sum())
    if lost + gained == 0:
        return lost, gained, 1.0
    return lost, gained, float(binomtest(lost, lost + gained).pvalue)
