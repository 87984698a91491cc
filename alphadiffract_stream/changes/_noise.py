"""How far a pattern of an unchanged sample lies from where it was expected."""

from __future__ import annotations

import math
from collections import deque

import numpy as np
from numpy.typing import NDArray

LEAST = 8
"""Residuals from which a noise level can be told."""
_KEPT = 100
_TINY = 1e-18
"""Of mean squares: the logarithm of a channel that does not move at all must stay finite."""
_MARGIN = 1.25
"""On the width: of stable simulated series 0.1 % reach 4 standard deviations and not 3."""
_NARROWEST = 0.4
"""Of the spread of log distances squared: what χ² of 13 degrees of freedom has. A handful of
residuals that happen to be alike must not make the next one an alarm."""


class Noise:
    """Squared lengths of one channel's residuals while nothing changed, on a logarithmic scale.

    Their logarithms are nearly normal, with a right tail that is if anything the lighter one, even
    where the residuals themselves are not (counting noise passes through a network of many kinks).
    So the next one is compared by Student's t, whose width allows for how few were seen.

    floor: mean square below which differences mean nothing, whatever was seen.
    """

    def __init__(self, floor: float = 0.0) -> None:
        self._logs: deque[float] = deque(maxlen=_KEPT)
        self._floor = max(floor, _TINY)

    def __len__(self) -> int:
        return len(self._logs)

    def add(self, residual: NDArray[np.float64]) -> None:
        """One more pattern during which nothing changed."""
        self._logs.append(self._log(residual))

    def z_score(self, residual: NDArray[np.float64]) -> float:
        """How surprising `residual` is, as a standard normal deviate.

        From t by Wallace's approximation (1959, Ann. Math. Stat. 30, 1121).
        """
        logs = np.array(self._logs)
        n = len(logs)
        spread = _MARGIN * max(float(logs.std(ddof=1)), _NARROWEST) * math.sqrt(1 + 1 / n)
        t = (self._log(residual) - float(logs.mean())) / spread
        freedom = n - 1
        size = math.sqrt(freedom * math.log1p(t * t / freedom))
        return math.copysign(size * (8 * freedom + 1) / (8 * freedom + 3), t)

    def _log(self, residual: NDArray[np.float64]) -> float:
        return math.log(float(residual @ residual) + self._floor)
