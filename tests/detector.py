"""A synthetic area detector: its PONI file, and frames of a powder on it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyFAI.calibrant import get_calibrant
from pyFAI.detectors import Detector
from pyFAI.integrator.azimuthal import AzimuthalIntegrator

SIDE = 512
WAVELENGTH = 0.4133
"""Å; 30 keV."""
PIXEL = 0.4e-3
CEO2 = 5.411651
"""Å; NIST SRM 674b."""


def geometry(side: int = SIDE, *, wavelength: float | None = WAVELENGTH) -> AzimuthalIntegrator:
    """A flat detector of 0.2 m behind the sample, its beam near a corner."""
    pixel = PIXEL * SIDE / side
    detector = Detector(pixel1=pixel, pixel2=pixel, max_shape=(side, side))
    return AzimuthalIntegrator(
        dist=0.3,
        poni1=0.02,
        poni2=0.025,
        rot1=0.01,
        rot2=-0.02,
        detector=detector,
        wavelength=None if wavelength is None else wavelength * 1e-10,
    )


def write_poni(path: Path, side: int = SIDE, *, wavelength: float | None = WAVELENGTH) -> Path:
    geometry(side, wavelength=wavelength).save(str(path))
    return path


@cache
def rings(calibrant: str = "CeO2", side: int = SIDE, wavelength: float = WAVELENGTH) -> Any:
    """(side, side) expected counts of a standard, at `wavelength` on the same detector."""
    found = get_calibrant(calibrant)
    found.wavelength = wavelength * 1e-10
    image = 2000 * found.fake_calibration_image(geometry(side, wavelength=wavelength)) + 20
    image.flags.writeable = False
    return image


@cache
def frames(count: int, side: int = SIDE) -> NDArray[np.int32]:
    """(count, side, side) counts of CeO2, each with noise of its own."""
    expected = rings(side=side)
    counts = np.random.default_rng(7).poisson(expected, (count, side, side)).astype(np.int32)
    counts.flags.writeable = False
    return counts


def bragg(a: float, hkl: tuple[int, int, int], wavelength: float = WAVELENGTH) -> float:
    """2θ, degrees, of a line of a cubic crystal."""
    d = a / np.sqrt(np.dot(hkl, hkl))
    return float(2 * np.degrees(np.arcsin(wavelength / (2 * d))))
