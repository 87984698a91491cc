"""From the axis a pattern was measured on to 2θ at 20 keV, refusing axes that cannot be true."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import PatternError
from ..pattern import RadialUnit
from ._bragg import bragg_convert, d_to_two_theta, q_to_d, two_theta_to_d
from ._canonical import GRID_MAX, GRID_MIN, GRID_WAVELENGTH

Array = NDArray[np.float64]

NO_WAVELENGTH = "pass --energy or --wavelength (or give a q or d axis)"
_NAMES = {
    RadialUnit.TWO_THETA_DEG: "2θ in degrees",
    RadialUnit.TWO_THETA_RAD: "2θ in radians",
    RadialUnit.Q_INV_ANGSTROM: "q in Å⁻¹",
    RadialUnit.Q_INV_NM: "q in nm⁻¹",
    RadialUnit.D_ANGSTROM: "d in Å",
}


def canonical_two_theta(axis: Array, unit: RadialUnit, wavelength: float | None) -> Array:
    """2θ in degrees at 20 keV of every point of `axis`.

    axis: (n,) in `unit`; wavelength in Å, None only for q and d. Returns (n,); NaN for points that
    have no place at 20 keV (not finite, at or below zero angle, d under half the wavelength).
    Raises PatternError for a 2θ axis without wavelength, values impossible in their unit, an axis
    mostly not finite, or one that goes forth and back.
    """
    if unit.needs_wavelength and wavelength is None:
        raise PatternError("wavelength", f"unknown for an axis of {_NAMES[unit]}", NO_WAVELENGTH)
    _check_finite(axis)
    axis = np.where(np.isfinite(axis), axis, np.nan)
    _check_possible(axis, unit)
    check_monotonic("axis", axis)
    return _convert(axis, unit, wavelength)


def check_monotonic(field: str, values: Array, tolerance: float = 0.0) -> None:
    """Raise PatternError where finite `values` (n,) turn round; equal neighbours are allowed."""
    points = np.flatnonzero(np.isfinite(values))
    steps = np.diff(values[points])
    rising = values[points[-1]] >= values[points[0]]
    turned = (steps if rising else -steps) < -tolerance
    if turned.any():
        first = int(np.argmax(turned))
        here, there = points[first], points[first + 1]
        raise PatternError(
            field,
            f"turns back at point {there} ({values[here]:.6g}, then {values[there]:.6g})",
            "send points sorted along the axis, one sweep a pattern",
        )


def reach(axis: Array, unit: RadialUnit, wavelength: float | None) -> str:
    """What spacings an axis covers and, where another unit fits the network better, which."""
    two_theta = _convert(axis, unit, wavelength)
    text = "no point with a possible d"
    if np.isfinite(two_theta).any():
        d = two_theta_to_d(two_theta[np.isfinite(two_theta)], GRID_WAVELENGTH)
        text = f"d = {d.min():.4g}…{d.max():.4g} Å"
    better = [
        _NAMES[other]
        for other in RadialUnit
        if other is not unit
        and not (other.needs_wavelength and wavelength is None)
        and _impossible(axis, other) is None
        and _points_inside(_convert(axis, other, wavelength)) > axis.size // 4
    ]
    return text + (f" (the values look like {' or '.join(better)})" if better else "")


def _points_inside(two_theta: Array) -> int:
    return int(np.count_nonzero((two_theta >= GRID_MIN) & (two_theta <= GRID_MAX)))


def _convert(axis: Array, unit: RadialUnit, wavelength: float | None) -> Array:
    if unit.needs_wavelength and wavelength is not None:
        degrees = axis if unit is RadialUnit.TWO_THETA_DEG else np.degrees(axis)
        return bragg_convert(degrees, wavelength, GRID_WAVELENGTH)
    if unit is RadialUnit.D_ANGSTROM:
        return d_to_two_theta(axis, GRID_WAVELENGTH)
    q = axis if unit is RadialUnit.Q_INV_ANGSTROM else axis / 10.0
    return d_to_two_theta(q_to_d(q), GRID_WAVELENGTH)


def _check_finite(axis: Array) -> None:
    lost = axis.size - int(np.count_nonzero(np.isfinite(axis)))
    if lost > axis.size // 2:
        raise PatternError(
            "axis", f"{lost} of {axis.size} points are NaN or infinite", "give a finite axis"
        )


def _check_possible(axis: Array, unit: RadialUnit) -> None:
    fault = _impossible(axis, unit)
    if fault is not None:
        raise PatternError("axis", *fault)


def _impossible(axis: Array, unit: RadialUnit) -> tuple[str, str] | None:
    """(value, remedy) where some point cannot exist in `unit`."""
    finite = axis[np.isfinite(axis)]
    low, high = float(finite.min()), float(finite.max())
    name = _NAMES[unit]
    if unit is RadialUnit.TWO_THETA_DEG and (high > 180 or low < -180):
        worst = high if high > 180 else low
        return f"{worst:.6g} in an axis of {name}", "check its unit: no 2θ is beyond 180°"
    if unit is RadialUnit.TWO_THETA_RAD and (high > np.pi * (1 + 1e-6) or low < -np.pi):
        worst = high if high > np.pi else low
        return f"{worst:.6g} in an axis of {name}", "two-theta looks like degrees (use 2th_deg)"
    # A first bin at q = 0, the direct beam, is common and harmless; d = 0 is not.
    if unit is RadialUnit.D_ANGSTROM and low <= 0:
        return f"{low:.6g} in an axis of {name}", "check its unit: d is above zero"
    if unit in (RadialUnit.Q_INV_ANGSTROM, RadialUnit.Q_INV_NM) and (low < 0 or high == 0):
        return f"{low:.6g} in an axis of {name}", "check its unit: q is above zero"
    return None
