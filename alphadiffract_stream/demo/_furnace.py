"""What is in the furnace and what the detector would count: physics, no devices."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..pattern import wavelength_from_energy
from ..simulation import Profile, reflections, simulate
from ._crystals import Phase
from ._samples import CALCIUM_CARBONATE, Sample


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
    sample: Sample = CALCIUM_CARBONATE

    def expected(self, temperature: float) -> NDArray[np.float64]:
        """(n,) expected counts, without noise, at `temperature` K."""
        pattern = np.zeros(self.two_theta.shape)
        for phase, fraction in self.sample.fractions(temperature):
            if fraction > 0:
                pattern += fraction * self._phase(phase, temperature)
        smooth = self.background * (0.4 + 0.6 * np.exp(-self.two_theta / 6.0))
        return self.counts * (pattern / pattern.max() + smooth)

    def measure(self, temperature: float, random: np.random.Generator) -> NDArray[np.float64]:
        """(n,) counts with counting noise."""
        return random.poisson(self.expected(temperature)).astype(np.float64)

    def _phase(self, phase: Phase, temperature: float) -> NDArray[np.float64]:
        """Intensity of one formula unit: `simulate` gives that of one unit cell."""
        wavelength = wavelength_from_energy(self.energy)
        sines = np.sin(np.radians(self.two_theta[[-1, 0]]) / 2)
        d_min, d_max = wavelength / (2 * sines)
        table = reflections(phase.contents(temperature), d_min, d_max, energy=self.energy)
        return simulate(table, self.two_theta, wavelength, self.profile) / phase.formula_units
