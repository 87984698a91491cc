"""Patterns of a crystal on any 2θ axis: the exact pseudo-Voigt sum."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._profile import Profile, axial_shift, pseudo_voigt, thompson_cox_hastings
from ._reflections import Reflections


def integrated_intensity(
    table: Reflections, two_theta: ArrayLike, polarization: float
) -> NDArray[np.float64]:
    """multiplicity · |F|² · [P + (1−P) cos²2θ] / (V · 2 sin²θ cosθ), (n,).

    `two_theta` (n,) in degrees, of the table's reflections.
    """
    theta = np.radians(np.asarray(two_theta)) / 2
    polarized = polarization + (1 - polarization) * np.cos(2 * theta) ** 2
    lorentz = 1 / (2 * np.sin(theta) ** 2 * np.cos(theta))
    return table.multiplicity * table.f_squared * polarized * lorentz / table.volume


def simulate(
    table: Reflections, two_theta: ArrayLike, wavelength: float, profile: Profile | None = None
) -> NDArray[np.float64]:
    """Noise-free intensity at `two_theta` (m,) degrees for `wavelength` in Å; (m,).

    The scale is GSAS-II's at scale factor 1 without background. Reflections whose centre lies
    outside the axis are left out, as in the training data.
    """
    profile = profile or Profile()
    axis = np.asarray(two_theta, dtype=np.float64)
    result = np.zeros(axis.shape)
    sine = wavelength / (2 * table.d)
    reachable = sine < 1
    centre = np.full(len(table), np.nan)
    centre[reachable] = 2 * np.degrees(np.arcsin(sine[reachable]))
    intensity = integrated_intensity(table, centre, profile.polarization)
    inside = reachable & (centre > axis.min(initial=np.inf)) & (centre < axis.max(initial=0))
    variance = profile.gaussian_variance(centre)
    gamma = profile.lorentzian_fwhm(centre, wavelength)
    fwhm, eta = thompson_cox_hastings(variance, gamma)
    position = axial_shift(centre, profile.shl)
    for i in np.flatnonzero(inside):
        distance = 100 * (axis - position[i])
        result += intensity[i] * pseudo_voigt(distance, fwhm[i], eta[i])
    return result
