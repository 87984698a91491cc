"""Compiled: peaks onto the canonical grid, each in a window wide enough for its tails."""

from __future__ import annotations

import numpy as np
from numba import njit

from .._axis import POINTS, START, STEP


@njit(cache=True, nogil=True, fastmath=True)
def add_peak(pattern, centre, area, fwhm, eta, floor):
    """Add a pseudo-Voigt (centre, fwhm in degrees) to `pattern` until it is below `floor`."""
    lorentz = eta * area * 2 / (np.pi * fwhm)
    gauss = (1 - eta) * area * 2 * np.sqrt(np.log(2) / np.pi) / fwhm
    height = lorentz + gauss
    if height <= floor:
        return
    reach = 0.5 * fwhm * max(4.0, np.sqrt(lorentz / floor))
    first = max(0, int(np.ceil((centre - reach - START) / STEP)))
    last = min(POINTS - 1, int((centre + reach - START) / STEP))
    core_first = max(first, int(np.ceil((centre - 2 * fwhm - START) / STEP)))
    core_last = min(last, int((centre + 2 * fwhm - START) / STEP))
    scale = 4 / (fwhm * fwhm)
    for i in range(first, last + 1):
        x = START + i * STEP - centre
        pattern[i] += lorentz / (1 + scale * x * x)
    for i in range(core_first, core_last + 1):
        x = START + i * STEP - centre
        pattern[i] += gauss * np.exp(-np.log(2) * scale * x * x)


@njit(cache=True, nogil=True)
def widths(two_theta, size, microstrain, u, v, w, wavelength):
    """FWHM (degrees) and η of a reflection; see alphadiffract_stream.simulation.Profile."""
    theta = np.radians(two_theta) / 2
    tangent = np.tan(theta)
    variance = max(0.001, u * tangent * tangent + v * tangent + w)
    y = max(
        0.001,
        1.8 * wavelength / (np.pi * size * np.cos(theta)) + 0.018 * microstrain * tangent / np.pi,
    )
    g = 2.354820045 * np.sqrt(variance)
    total = (
        g**5
        + 2.69269 * g**4 * y
        + 2.42843 * g**3 * y**2
        + 4.47163 * g**2 * y**3
        + 0.07842 * g * y**4
        + y**5
    ) ** 0.2
    q = y / total
    return 0.01 * total, 1.36603 * q - 0.47719 * q * q + 0.11116 * q**3


@njit(cache=True, nogil=True)
def axial_shift(two_theta):
    """Where a peak appears under GSAS-II's least axial divergence; see `simulation.axial_shift`."""
    cosine = np.sqrt(1 + 0.002**2) * np.cos(np.radians(two_theta))
    lowest = np.degrees(np.arccos(min(1.0, cosine)))
    return lowest + 0.57735 * (two_theta - lowest)
