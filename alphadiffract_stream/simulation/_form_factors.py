"""Atomic scattering: IT92 form factors and Cromer–Liberman anomalous terms, through gemmi."""

from __future__ import annotations

from functools import lru_cache

import gemmi
import numpy as np
from numpy.typing import NDArray


@lru_cache(maxsize=1024)
def _it92(species: str) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    element, charge = _split(species)
    # Ions that IT92 does not tabulate (e.g. N3-) fall back to the neutral atom, as in GSAS-II.
    table = _exact(element, charge) or _exact(element, 0)
    if table is None:
        raise ValueError(f"no form factor for {species}")
    return np.array(table.a), np.array(table.b), table.c


def _exact(element: gemmi.Element, charge: int) -> gemmi.IT92Coef | None:
    """gemmi knows no ions until a process-wide switch is turned; it is left as it was found."""
    before = gemmi.IT92_get_ignore_charge()
    gemmi.IT92_set_ignore_charge(False)
    try:
        return gemmi.IT92_get_exact(element, charge)
    finally:
        gemmi.IT92_set_ignore_charge(before)


def _split(species: str) -> tuple[gemmi.Element, int]:
    symbol = species.rstrip("0123456789+-")
    suffix = species[len(symbol) :]
    if not suffix:
        return gemmi.Element(symbol), 0
    size = int(suffix.strip("+-") or 1)
    return gemmi.Element(symbol), -size if "-" in suffix else size


def form_factor(species: str, stol2: NDArray[np.float64]) -> NDArray[np.float64]:
    """f₀ (electrons) at (sinθ/λ)² `stol2` (n,), Å⁻². `species` like ``Ca`` or ``O2-``.

    Source: International Tables C (1992) 6.1.1.4, four Gaussians and a constant.
    """
    a, b, c = _it92(species)
    return np.exp(-np.multiply.outer(stol2, b)) @ a + c


@lru_cache(maxsize=1024)
def anomalous(species: str, energy: float) -> tuple[float, float]:
    """f′, f″ (electrons) at `energy` keV (Cromer & Liberman 1981, Kissel–Pratt corrected)."""
    element, _ = _split(species)
    if element.atomic_number < 3 or element.atomic_number > 92:
        return 0.0, 0.0
    f_prime, f_second = gemmi.cromer_liberman(element.atomic_number, energy * 1000.0)
    return f_prime, f_second
