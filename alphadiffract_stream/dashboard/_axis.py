"""The radial axis a run is shown on: the one its first pattern was measured on, where possible."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import PatternError
from ..grid import d_to_q, d_to_two_theta, q_to_d, two_theta_to_d
from ..pattern import Pattern, RadialUnit

Array = NDArray[np.float64]
Kind = Literal["2th_deg", "q_A^-1", "d_A"]


@dataclass(frozen=True, slots=True)
class DisplayAxis:
    """2θ at one wavelength, q or d. Patterns of another energy are converted by Bragg's law."""

    kind: Kind
    wavelength: float | None = None
    """Å, of 2θ."""

    @classmethod
    def of(cls, pattern: Pattern, kind: Kind | None = None) -> DisplayAxis:
        """The axis `pattern` is on, in degrees or Å, or the one asked for; 2θ needs a wavelength.

        Raises PatternError for 2θ without one.
        """
        if kind is None:
            kind = "d_A" if pattern.unit is RadialUnit.D_ANGSTROM else "q_A^-1"
            if pattern.unit.needs_wavelength:
                kind = "2th_deg"
        if kind == "2th_deg" and pattern.wavelength is None:
            raise PatternError("wavelength", "unknown", "show q or d instead of 2θ")
        return cls(kind, pattern.wavelength if kind == "2th_deg" else None)

    @property
    def label(self) -> str:
        """For people, with the unit."""
        if self.kind == "2th_deg":
            return f"2θ (degrees, λ = {self.wavelength:.4f} Å)"
        return "q (1/Å)" if self.kind == "q_A^-1" else "d (Å)"

    def of_d(self, d: ArrayLike) -> Array:
        """(n,) positions of spacings `d` (n,) in Å; NaN where there is none."""
        if self.kind == "2th_deg":
            assert self.wavelength is not None
            return d_to_two_theta(d, self.wavelength)
        return d_to_q(d) if self.kind == "q_A^-1" else np.asarray(d, dtype=np.float64)


def spacings(pattern: Pattern) -> Array:
    """(n,) d in Å of every point; NaN where it has none. Raises PatternError without wavelength."""
    axis = np.asarray(pattern.axis, dtype=np.float64)
    match pattern.unit:
        case RadialUnit.D_ANGSTROM:
            return np.where(axis > 0, axis, np.nan)
        case RadialUnit.Q_INV_ANGSTROM:
            return q_to_d(axis)
        case RadialUnit.Q_INV_NM:
            return q_to_d(axis / 10)
    if pattern.wavelength is None:
        raise PatternError("wavelength", "unknown", "a 2θ axis says nothing of d without it")
    degrees = np.degrees(axis) if pattern.unit is RadialUnit.TWO_THETA_RAD else axis
    return two_theta_to_d(degrees, pattern.wavelength)
