"""From surprise to evidence that may be multiplied over time."""

from __future__ import annotations

import math

from numpy import clip

_HIGHEST_Z = 37.0
"""Where the normal tail leaves the range of floats."""


def p_value(z: float) -> float:
    """Probability of a standard normal deviate above `z`."""
    return 0.5 * math.erfc(float(clip(z, -_HIGHEST_Z, _HIGHEST_Z)) / math.sqrt(2))


def e_value(p: float) -> float:
    """Evidence against "nothing has changed", of mean 1 at most while nothing has.

    The average of the bets κ p^(κ−1) over κ from 0 to 1: (1 − p + p ln p) / (p ln² p); Vovk & Wang
    (2021), Ann. Statist. 49, 1736. About 1/(p ln² p) where p is small, ½ at p = 1.
    """
    if p >= 1:
        return 0.5
    log = math.log(p)
    if log > -1e-3:
        return 0.5 - log / 6  # the quotient's series: numerator and denominator both vanish
    return (1 - p + p * log) / (p * log**2)
