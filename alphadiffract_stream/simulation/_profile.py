"""Peak shapes: Thompson–Cox–Hastings pseudo-Voigt with size, strain and instrument widths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

MINIMUM_WIDTH = 0.001
"""GSAS-II's floor for σ² (centideg²) and γ (centideg)."""
MINIMUM_SHL = 0.002
"""GSAS-II's floor for the axial divergence (S + H) / L."""
SIGMA_TO_FWHM = 2.354820045


@dataclass(frozen=True, slots=True)
class Profile:
    """Sample and instrument broadening, in GSAS-II's units (paper Table 5 for the ranges)."""

    size: float = 1.0
    """Crystallite size, µm (Lorentzian)."""
    microstrain: float = 1000.0
    """10⁻⁶ (Lorentzian)."""
    U: float = 2.0
    """Caglioti, centideg²."""
    V: float = -1.0
    W: float = 2.0
    shl: float = MINIMUM_SHL
    """Axial divergence (S + H) / L."""
    polarization: float = 0.99
    """Fraction P in P + (1 − P) cos² 2θ."""

    def gaussian_variance(self, two_theta: ArrayLike) -> NDArray[np.float64]:
        """σ² in centideg² at 2θ (degrees)."""
        tangent = np.tan(np.radians(np.asarray(two_theta)) / 2)
        return np.maximum(MINIMUM_WIDTH, self.U * tangent**2 + self.V * tangent + self.W)

    def lorentzian_fwhm(self, two_theta: ArrayLike, wavelength: float) -> NDArray[np.float64]:
        """γ in centidegrees at 2θ (degrees) for λ in Å."""
        theta = np.radians(np.asarray(two_theta)) / 2
        size = 1.8 * wavelength / (np.pi * self.size * np.cos(theta))
        strain = 0.018 * self.microstrain * np.tan(theta) / np.pi
        return np.maximum(MINIMUM_WIDTH, size + strain)


def thompson_cox_hastings(
    variance: ArrayLike, gamma: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """FWHM Γ and mixing η of the pseudo-Voigt equal to a Gaussian σ² ∗ Lorentzian γ.

    Any one unit of angle for √variance and gamma; Γ comes back in it. Thompson, Cox & Hastings
    (1987) J. Appl. Cryst. 20, 79.
    """
    g = SIGMA_TO_FWHM * np.sqrt(variance)
    y = np.asarray(gamma)
    total = (
        g**5
        + 2.69269 * g**4 * y
        + 2.42843 * g**3 * y**2
        + 4.47163 * g**2 * y**3
        + 0.07842 * g * y**4
        + y**5
    ) ** 0.2
    q = y / total
    return total, 1.36603 * q - 0.47719 * q**2 + 0.11116 * q**3


def pseudo_voigt(x: ArrayLike, fwhm: ArrayLike, eta: ArrayLike) -> NDArray[np.float64]:
    """η L + (1 − η) G of unit area at distance `x` from the centre; broadcasts."""
    fwhm, eta = np.asarray(fwhm, dtype=np.float64), np.asarray(eta, dtype=np.float64)
    u2 = (np.asarray(x) / fwhm) ** 2
    lorentz = 2 / (np.pi * fwhm) / (1 + 4 * u2)
    gauss = 2 * np.sqrt(np.log(2) / np.pi) / fwhm * np.exp(-4 * np.log(2) * u2)
    return eta * lorentz + (1 - eta) * gauss


def axial_shift(two_theta: ArrayLike, shl: float = MINIMUM_SHL) -> NDArray[np.float64]:
    """Where a peak at 2θ (degrees) appears under small axial divergence (degrees).

    Finger, Cox & Jephcoat (1994) asymmetry within our ranges is one symmetric peak moved to
    2φmin + 0.57735 (2θ − 2φmin), with cos 2φmin = √(1 + shl²) cos 2θ.
    """
    angle = np.asarray(two_theta, dtype=np.float64)
    shl = max(shl, MINIMUM_SHL)
    cosine = np.sqrt(1 + shl**2) * np.cos(np.radians(angle))
    lowest = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
    return lowest + 0.57735 * (angle - lowest)
