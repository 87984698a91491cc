"""Whether probabilities can be trusted: calibration curves and risk–coverage curves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]
BINS = 15
COVERAGES = (0.5, 0.8)


@dataclass(frozen=True, slots=True, eq=False)
class Reliability:
    """Accuracy against confidence in equal bins; empty bins are left out."""

    confidence: NDArray[np.float64]
    """(B,) mean confidence in each bin."""
    accuracy: NDArray[np.float64]
    """(B,)."""
    count: NDArray[np.int64]
    """(B,)."""

    @property
    def ece(self) -> float:
        """Expected calibration error: mean |accuracy − confidence|, weighted by the counts."""
        gap = np.abs(self.accuracy - self.confidence)
        return float((gap * self.count).sum() / self.count.sum())


def reliability(confidence: Array, right: NDArray[np.bool_], bins: int = BINS) -> Reliability:
    """Calibration curve of (N,) confidences 0…1 (Guo et al. 2017, PMLR 70, 1321)."""
    index = np.minimum((confidence * bins).astype(int), bins - 1)
    inside = [index == b for b in np.unique(index)]
    return Reliability(
        confidence=np.array([float(confidence[i].mean()) for i in inside]),
        accuracy=np.array([float(right[i].mean()) for i in inside]),
        count=np.array([int(i.sum()) for i in inside]),
    )


def expected_calibration_error(
    confidence: Array, right: NDArray[np.bool_], bins: int = BINS
) -> float:
    """Mean |accuracy − confidence| over equal bins of confidence, weighted by their sizes."""
    return reliability(confidence, right, bins).ece


@dataclass(frozen=True, slots=True, eq=False)
class RiskCoverage:
    """Accuracy of the most confident patterns, for every share of them.

    Geifman & El-Yaniv (2017) NIPS 30, 4878.
    """

    coverage: NDArray[np.float64]
    """(N,) rising to 1."""
    accuracy: NDArray[np.float64]
    """(N,) of the most confident share; the risk is 1 − this."""

    def at(self, coverage: float) -> float:
        """Accuracy of the most confident `coverage` (0…1) of the patterns."""
        count = max(1, round(coverage * len(self.accuracy)))
        return float(self.accuracy[count - 1])

    @property
    def area_of_risk(self) -> float:
        """Mean risk over all coverages; 0 would be a network that errs nowhere."""
        return float(1 - self.accuracy.mean())


def risk_coverage(confidence: Array, right: NDArray[np.bool_]) -> RiskCoverage:
    """Curve over (N,) patterns in falling order of confidence."""
    order = np.argsort(-confidence, kind="stable")
    count = np.arange(1, len(right) + 1)
    return RiskCoverage(count / len(right), np.cumsum(right[order]) / count)
