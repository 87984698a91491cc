"""Patterns a plan is compared on: measured ones where given, else those of a simulated furnace."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alphadiffract_stream.demo import SAMPLES, Diffractometer
from alphadiffract_stream.grid import to_grid
from alphadiffract_stream.pattern import Pattern, RadialUnit, wavelength_from_energy

from ..evaluation import load_labelled

_TEMPERATURES = np.linspace(300, 1300, 32)


def comparison_patterns(measured: Path | None = None) -> tuple[str, NDArray[np.float32]]:
    """What they are, and (N, 8192) float32 on the canonical grid.

    measured: a labelled set (``NAME.npz`` with ``NAME.json``); its labels are not used.
    """
    if measured is not None:
        labelled = load_labelled(measured)
        return labelled.name, np.stack([to_grid(p).intensity for p in labelled.patterns])
    rows = [
        to_grid(_pattern(Diffractometer(sample=sample), t, np.random.default_rng(seed))).intensity
        for sample in SAMPLES.values()
        for seed, t in enumerate(_TEMPERATURES)
    ]
    return "simulated furnace", np.stack(rows)


def _pattern(
    diffractometer: Diffractometer, temperature: float, random: np.random.Generator
) -> Pattern:
    return Pattern(
        diffractometer.measure(temperature, random),
        diffractometer.two_theta,
        RadialUnit.TWO_THETA_DEG,
        wavelength_from_energy(diffractometer.energy),
    )
