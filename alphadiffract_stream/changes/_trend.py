"""Where the next pattern is expected: a straight line through the latest ones."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

_SPAN = 1e-9
"""Positions closer than this, relative to the window, count as one."""


class Trend:
    """Local linear trend of one channel over a scan coordinate; steady drift is no surprise.

    window: patterns the line is drawn through, at least 4.
    """

    def __init__(self, window: int) -> None:
        self._points: deque[tuple[float, NDArray[np.float64]]] = deque(maxlen=window)

    def __len__(self) -> int:
        return len(self._points)

    def clear(self) -> None:
        """Forget everything."""
        self._points.clear()

    def add(self, at: float, value: NDArray[np.float64]) -> None:
        """One more pattern, at coordinate `at`."""
        self._points.append((at, value))

    def residual(self, at: float, value: NDArray[np.float64]) -> NDArray[np.float64]:
        """(k,) `value` minus what the line says at `at`, per unit of its expected spread.

        The spread of an extrapolation is √(1 + leverage) that of one pattern; dividing by it makes
        residuals of different windows comparable. Needs two patterns at least.
        """
        places = np.array([x for x, _ in self._points])
        values = np.stack([v for _, v in self._points])
        mean = places.mean()
        offset = places - mean
        spread = float(offset @ offset)
        reach = at - mean
        leverage = 1.0 / len(places)
        expected = values.mean(axis=0)
        if len(places) > 2 and spread > (_SPAN * max(1.0, abs(mean))) ** 2:
            expected = expected + reach * (offset @ values) / spread
            leverage += reach**2 / spread
        return (value - expected) / np.sqrt(1.0 + leverage)
