"""Optional background removal with pybaselines, for patterns measured with their background.

The baseline is found on the canonical grid, averaged to 1024 points, not on the points measured:
pybaselines' settings count points, so that one setting suits every step and range only there. It
is smooth over such a bin, so that subtracting it after resampling is the same as before.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigurationError
from ._canonical import GRID_TWO_THETA

Array = NDArray[np.float64]

_BIN = 8
# In bins of 0.0146°. Chosen on simulated patterns with broad peaks (to 0.6°) on a curved background
# of a halo and a decay: each leaves under 1.5 % of the strongest peak there (rms).
_SETTINGS: dict[str, dict[str, Any]] = {
    "airpls": {"lam": 1e5},
    "arpls": {"lam": 1e5},
    "asls": {"lam": 1e6, "p": 0.005},
    "iarpls": {"lam": 1e5},
    "imodpoly": {"poly_order": 8},
    "mor": {"half_window": 50},
    "rolling_ball": {"half_window": 50, "smooth_half_window": 25},
    "snip": {"max_half_window": 80, "decreasing": True, "smooth_half_window": 3, "filter_order": 4},
}

BACKGROUND_METHODS = tuple(_SETTINGS)
"""pybaselines methods on offer."""


def check_background(method: str | None) -> None:
    """Raise ConfigurationError for a method not on offer; None means no background removal."""
    if method is not None and method not in _SETTINGS:
        choices = ", ".join(BACKGROUND_METHODS)
        raise ConfigurationError(f"background: {method!r} is unknown; choose one of {choices}")


def baseline(intensity: Array, mask: NDArray[np.bool_], method: str) -> Array:
    """Smooth background under `intensity` (8192,) where `mask` (8192,) is False. Returns (8192,).

    Raises ConfigurationError for an unknown method, or one whose library is missing.
    """
    check_background(method)
    try:
        from pybaselines import Baseline
    except ImportError as error:
        raise ConfigurationError(f"background: {method!r} needs pybaselines ({error})") from None
    used = ~mask.reshape(-1, _BIN)
    counts = used.sum(axis=1)
    some = counts > 0
    x = GRID_TWO_THETA.reshape(-1, _BIN).mean(axis=1)[some]
    y = np.where(used, intensity.reshape(-1, _BIN), 0.0).sum(axis=1)[some] / counts[some]
    lowest, height = y.min(), np.ptp(y) or 1.0
    with warnings.catch_warnings():
        # A baseline not converged to 1e-3, or a window cut to a short pattern, still serves.
        warnings.simplefilter("ignore")
        fit = getattr(Baseline(x_data=x), method)
        fitted = fit((y - lowest) / height, **_SETTINGS[method])[0]
    return np.interp(GRID_TWO_THETA, x, fitted * height + lowest)
