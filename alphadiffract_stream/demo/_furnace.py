"""What is in the furnace and what the detector would count: physics, no devices."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..pattern import wavelength_from_energy
from ..simulation import Profile, reflections, simulate
from ._crystals import PHASES

COLDEST, HOTTEST = 300.0, 1250.0
"""K."""

# Aragonite turns into calcite at 723 K (Lucas et al. 1999, J. Solid State Chem. 146, 73); calcite
# loses its CO2 between 675 and 800 °C in situ (Thermal decomposition of calcite, high-temperature
# powder diffraction). Each change is a smooth step between two temperatures, so that frames outside
# are known to hold one phase only.
TO_CALCITE = (693.0, 753.0)
TO_LIME = (948.0, 1073.0)

PURE = 0.99
"""Fraction above which a frame counts as one phase."""


def phase_fractions(temperature: float) -> dict[str, float]:
    """Share of the calcium atoms in each phase at `temperature` K; sums to 1."""
    calcite = _smooth_step(temperature, *TO_CALCITE)
    lime = _smooth_step(temperature, *TO_LIME)
    return {"aragonite": 1 - calcite, "calcite": calcite - lime, "lime": lime}


def temperatures(frames: int) -> NDArray[np.float64]:
    """(frames,) K of a steady heating from the coldest to the hottest."""
    return np.linspace(COLDEST, HOTTEST, frames)


def _smooth_step(value: float, start: float, stop: float) -> float:
    x = min(1.0, max(0.0, (value - start) / (stop - start)))
    return x * x * (3 - 2 * x)


@dataclass(frozen=True, slots=True, eq=False)
class Diffractometer:
    """An area detector behind the furnace, already integrated to a powder pattern.

    A grid like that of a 4-megapixel detector at 30 keV. Peaks are 0.03–0.05° wide, as a
    millimetre beam on such a detector makes them.
    """

    energy: float = 30.0
    """keV."""
    two_theta: NDArray[np.float64] = field(default_factory=lambda: np.linspace(1.5, 15.5, 3000))
    """(n,) degrees."""
    profile: Profile = field(
        default_factory=lambda: Profile(size=0.15, microstrain=800.0, U=2.0, V=-1.0, W=1.6)
    )
    counts: float = 20_000.0
    """Expected counts at the strongest point."""
    background: float = 0.01
    """Of the same, at low angle: air and furnace windows."""

    def expected(self, temperature: float) -> NDArray[np.float64]:
        """(n,) expected counts, without noise, at `temperature` K."""
        pattern = np.zeros(self.two_theta.shape)
        for name, fraction in phase_fractions(temperature).items():
            if fraction > 0:
                pattern += fraction * self._phase(name, temperature)
        smooth = self.background * (0.4 + 0.6 * np.exp(-self.two_theta / 6.0))
        return self.counts * (pattern / pattern.max() + smooth)

    def measure(self, temperature: float, random: np.random.Generator) -> NDArray[np.float64]:
        """(n,) counts with counting noise."""
        return random.poisson(self.expected(temperature)).astype(np.float64)

    def _phase(self, name: str, temperature: float) -> NDArray[np.float64]:
        """Intensity of one phase per calcium atom: `simulate` gives that of one unit cell."""
        phase = PHASES[name]
        wavelength = wavelength_from_energy(self.energy)
        sines = np.sin(np.radians(self.two_theta[[-1, 0]]) / 2)
        d_min, d_max = wavelength / (2 * sines)
        table = reflections(phase.contents(temperature), d_min, d_max, energy=self.energy)
        return simulate(table, self.two_theta, wavelength, self.profile) / phase.formula_units
