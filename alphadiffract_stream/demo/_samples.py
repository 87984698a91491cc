"""What can be put in the furnace: phases, and the temperatures at which one turns into the next."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigurationError
from ._crystals import (
    ARAGONITE,
    CALCITE,
    CUBIC_BATIO3,
    LIME,
    ORTHORHOMBIC_BATIO3,
    RHOMBOHEDRAL_BATIO3,
    TETRAGONAL_BATIO3,
    Phase,
)

PURE = 0.99
"""Fraction above which a frame counts as one phase."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A powder that changes as it is heated."""

    name: str
    purpose: str
    """Of the scan, for its start document."""
    phases: tuple[Phase, ...]
    """In the order of heating."""
    transitions: tuple[tuple[float, float], ...]
    """K between which each phase turns into the next, as a smooth step: frames outside are known
    to hold one phase only."""
    range: tuple[float, float]
    """K, of the demo's scan."""

    def fractions(self, temperature: float) -> list[tuple[Phase, float]]:
        """Share of the formula units in each phase at `temperature` K; sums to 1."""
        turned = [1.0, *(_smooth_step(temperature, *t) for t in self.transitions), 0.0]
        return [(phase, turned[i] - turned[i + 1]) for i, phase in enumerate(self.phases)]

    def phase(self, temperature: float) -> Phase | None:
        """The only phase at `temperature` K; None in a mixture."""
        return next((phase for phase, share in self.fractions(temperature) if share >= PURE), None)

    def temperatures(self, frames: int) -> NDArray[np.float64]:
        """(frames,) K of a steady heating from the coldest to the hottest."""
        return np.linspace(*self.range, frames)


def _smooth_step(value: float, start: float, stop: float) -> float:
    x = min(1.0, max(0.0, (value - start) / (stop - start)))
    return x * x * (3 - 2 * x)


# Aragonite turns into calcite at 723 K (Lucas et al. 1999, J. Solid State Chem. 146, 73); calcite
# loses its CO2 between 675 and 800 °C in situ (Thermal decomposition of calcite, high-temperature
# powder diffraction).
CALCIUM_CARBONATE = Sample(
    name="CaCO3",
    purpose="calcination",
    phases=(ARAGONITE, CALCITE, LIME),
    transitions=((693.0, 753.0), (948.0, 1073.0)),
    range=(300.0, 1250.0),
)

# Transitions on heating at 183, 278 and 393 K: Kay & Vousden (1949) Phil. Mag. 40, 1019–1040. All
# are of first order; ceramics show the two phases side by side over some kelvin.
BARIUM_TITANATE = Sample(
    name="BaTiO3",
    purpose="ferroelectric transitions",
    phases=(RHOMBOHEDRAL_BATIO3, ORTHORHOMBIC_BATIO3, TETRAGONAL_BATIO3, CUBIC_BATIO3),
    transitions=((181.0, 185.0), (276.0, 280.0), (391.0, 395.0)),
    range=(100.0, 480.0),
)

SAMPLES = {sample.name: sample for sample in (CALCIUM_CARBONATE, BARIUM_TITANATE)}


def sample_named(name: str) -> Sample:
    """One of `SAMPLES`, in any case. Raises ConfigurationError for another name."""
    for known, sample in SAMPLES.items():
        if known.lower() == name.lower():
            return sample
    raise ConfigurationError(f"sample {name!r}: choose one of {', '.join(SAMPLES)}")
