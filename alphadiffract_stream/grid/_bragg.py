"""Bragg's law, λ = 2 d sin θ, between the radial axes in use. Degrees 2θ, Å, Å⁻¹."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def two_theta_to_d(two_theta: ArrayLike, wavelength: float) -> Array:
    """Lattice spacing d = λ / (2 sin θ) seen at `two_theta`.

    two_theta: (n,) degrees, 0 < 2θ ≤ 180; wavelength in Å. Returns (n,) Å; NaN outside that range.
    """
    angle = np.asarray(two_theta, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        d = wavelength / (2.0 * np.sin(np.radians(angle) / 2.0))
        return np.where((angle > 0) & (angle <= 180), d, np.nan)


def d_to_two_theta(d: ArrayLike, wavelength: float) -> Array:
    """Angle 2θ = 2 arcsin(λ / 2d) of the reflection with spacing `d`.

    d: (n,) Å; wavelength in Å. Returns (n,) degrees; NaN where d ≤ 0 or d < λ/2 (no reflection).
    """
    spacing = np.asarray(d, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        sine = wavelength / (2.0 * spacing)
        return np.where(spacing > 0, _two_theta(sine), np.nan)


def q_to_d(q: ArrayLike) -> Array:
    """Lattice spacing d = 2π / q.

    q: (n,) Å⁻¹, with the 2π (q = 4π sin θ / λ). Returns (n,) Å; NaN where q ≤ 0.
    """
    transfer = np.asarray(q, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(transfer > 0, 2.0 * np.pi / transfer, np.nan)


def d_to_q(d: ArrayLike) -> Array:
    """Momentum transfer q = 2π / d in Å⁻¹ of spacings `d` (n,) in Å; NaN where d ≤ 0."""
    return q_to_d(d)


def bragg_convert(two_theta: ArrayLike, wavelength: float, to_wavelength: float) -> Array:
    """2θ at `to_wavelength` of reflections seen at `two_theta` with `wavelength`.

    two_theta: (n,) degrees, 0 < 2θ ≤ 180. Wavelengths in Å. Returns (n,) degrees; NaN where no
    reflection is possible.
    """
    angle = np.asarray(two_theta, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        sine = np.sin(np.radians(angle) / 2.0) * (to_wavelength / wavelength)
        return np.where((angle > 0) & (angle <= 180), _two_theta(sine), np.nan)


def _two_theta(sine: Array) -> Array:
    # A hair above 1 is rounding (d = λ/2 exactly), more is a reflection that does not exist.
    sine = np.where((sine > 1.0) & (sine < 1.0 + 1e-12), 1.0, sine)
    return np.degrees(2.0 * np.arcsin(sine))
