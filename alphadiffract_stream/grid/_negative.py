"""Negative counts: background-subtracted noise is kept, a spike below it is cut off.

The network scales each pattern from its lowest to its highest value, so counts scattered below
zero do no harm and cutting them at zero would bias the noise. One deep negative point (a dead
pixel after a dark subtraction, an overshooting background) would however crush every peak.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]

SPREADS = 6.0
"""How far below the median a negative value may lie, in widths of the pattern's lower half."""
_SAMPLE = 4096


def cut_negative(values: Array) -> tuple[Array, bool]:
    """(n,) finite values with the far negative ones raised to the floor, and whether any were.

    The floor is min(0, median − 6 s), s = median − 16th percentile: the noise of the baseline (its
    standard deviation where Gaussian), as most points of a powder pattern lie between peaks. A
    baseline exactly flat has s = 0. Values of zero and above are never touched.
    """
    if values.min() >= 0:
        return values, False
    floor = _floor(values)
    return (np.maximum(values, floor), True) if values.min() < floor else (values, False)


def _floor(values: Array) -> float:
    sample = values[:: -(-values.size // _SAMPLE)].astype(np.float64)
    low, middle = int(0.16 * (sample.size - 1)), (sample.size - 1) // 2
    sample.partition((low, middle))
    return min(0.0, float(sample[middle] - SPREADS * (sample[middle] - sample[low])))
