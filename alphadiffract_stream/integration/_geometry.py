"""A PONI file and a mask of bad pixels, as the operator names them, checked before use."""

from __future__ import annotations

import math
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigurationError

_KEYS = ("Distance", "Poni1", "Poni2", "Rot1", "Rot2", "Rot3")
"""pyFAI takes a default for what is missing, say in a file that was not written to its end."""
_PLAUSIBLE = (0.01, 20.0)
"""Å; outside of this a PONI's wavelength is in the wrong unit."""


def load_geometry(poni: Path) -> Any:
    """pyFAI's AzimuthalIntegrator of a PONI file.

    Raises ConfigurationError where pyFAI is missing, or the file is or says nothing usable.
    """
    try:
        pyfai = import_module("pyFAI")
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"poni={poni}: integrating frames needs {error.name}, which is not installed; run "
            "`pip install 'alphadiffract-stream[pyfai]'`"
        ) from error
    try:
        missing = [key for key in _KEYS if not re.search(rf"(?im)^{key}\s*:", poni.read_text())]
        if missing:
            raise ValueError(f"no {missing[0]} in it")
        geometry = pyfai.load(str(poni))
        distance, pixels = float(geometry.dist), (geometry.pixel1, geometry.pixel2)
    except OSError as error:
        raise ConfigurationError(f"poni={poni}: {error.strerror or error}") from None
    except Exception as error:  # pyFAI evaluates JSON, numbers and detectors: anything may come
        said = f"{type(error).__name__}: {str(error)[:200]}"
        raise ConfigurationError(f"poni={poni}: no PONI file ({said})") from None
    finite = math.isfinite(distance) and distance > 0
    if not finite or not all(pixel and pixel > 0 for pixel in pixels):
        raise ConfigurationError(
            f"poni={poni}: distance {distance} m, pixels {pixels} m; write it with pyFAI-calib2"
        )
    return geometry


def wavelength_of(geometry: Any, poni: Path) -> float | None:
    """Å; PONI files have it in metres. None where there is none. Raises ConfigurationError."""
    metres = geometry.wavelength
    if not metres:
        return None
    angstrom = float(metres) * 1e10
    if not _PLAUSIBLE[0] <= angstrom <= _PLAUSIBLE[1]:
        raise ConfigurationError(
            f"poni={poni}: wavelength {metres} m; PONI files have metres (4.133e-11 is 30 keV)"
        )
    return angstrom


def shape_of(geometry: Any) -> tuple[int, int] | None:
    """(rows, columns) the detector has; None where the PONI does not say."""
    shape = geometry.detector.shape
    return (int(shape[0]), int(shape[1])) if shape and all(shape) else None


def read_mask(path: Path) -> NDArray[np.bool_]:
    """(rows, columns) True where a pixel is bad: where the file has anything but 0.

    Raises ConfigurationError where it cannot be read.
    """
    try:
        if path.suffix.lower() == ".npy":
            array = np.load(path, allow_pickle=False)
        else:
            with import_module("fabio").open(str(path)) as image:
                array = np.asarray(image.data)
        if array.ndim != 2 or array.dtype.kind not in "biuf":
            raise ValueError(f"{array.dtype} of shape {array.shape}; one image is needed")
    except Exception as error:  # fabio raises nearly anything
        said = f"{type(error).__name__}: {str(error)[:200]}"
        raise ConfigurationError(f"pixel_mask={path}: {said}") from None
    return array != 0


def bins_of(geometry: Any, shape: tuple[int, int]) -> int:
    """Two bins a pixel over the range of 2θ the detector sees.

    A ring crosses the pixels at every phase, so that finer bins than pixels are still told apart.
    Unlike the distance of the beam centre from the corners, this holds for a detector that is
    turned or moved off the beam.
    """
    rows, columns = (max(1, n // 64) for n in shape)
    two_theta = geometry.center_array(shape, unit="2th_rad", scale=False)
    slope = np.hypot(*np.gradient(two_theta[::rows, ::columns], rows, columns))
    bins = 2 * (two_theta.max() - two_theta.min()) / np.median(slope)
    return int(np.clip(np.ceil(bins), 128, 8192))
