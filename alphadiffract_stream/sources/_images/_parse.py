"""Frames of one file as parsed patterns: what `read_results` does with a calibration."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import PatternError
from ...integration import Integrator
from ...pattern import RadialUnit
from .._formats import NothingFoundError, Parsed, Results, identify, parse
from .._hdf5_process import Hdf5Reader
from ._codecs import CODECS, Check
from ._hdf5 import hdf5_frames

IMAGE_SUFFIXES = frozenset(CODECS)
"""Endings of files that hold frames and nothing else."""


def parse_frames(
    path: Path,
    integrator: Integrator,
    wavelength: float | None,
    format: str | None,
    max_bytes: int,
    hdf5: Hdf5Reader | None = None,
) -> Results:
    """Patterns of `path`, integrated where it holds frames; others as `parse` reads them.

    wavelength: Å, the operator's; goes before the PONI's. hdf5: reads HDF5 in place of this
    process. Raises PatternError where the file as a whole is at fault.
    """
    patterns = hdf5.patterns if hdf5 else None
    if format is None and path.suffix.lower() in IMAGE_SUFFIXES:
        yield from _integrated(frames_in_file(path, integrator.check_shape), integrator, wavelength)
    elif format is None and identify(path) == "nexus":
        # A pattern that is there already goes before frames, as it does in documents.
        try:
            yield from parse(path, "nexus", max_bytes, patterns)
        except NothingFoundError:
            yield from _integrated(_frames_in_hdf5(path, integrator, hdf5), integrator, wavelength)
    else:
        yield from parse(path, format, max_bytes, patterns)


def _frames_in_hdf5(path: Path, integrator: Integrator, hdf5: Hdf5Reader | None) -> Iterator[Any]:
    if hdf5 is None:
        return hdf5_frames(path, integrator.check_shape)
    return hdf5.frames(path, integrator.shape, integrator.poni.name)


def frames_in_file(path: Path, check: Check) -> Iterator[Any]:
    """Frames of a .cbf, .edf or .tif; `check` sees each shape before there is an array of it.

    Raises PatternError.
    """
    codec = CODECS.get(path.suffix.lower())
    if codec is None:
        value, remedy = f"{path}: no image by its ending", f"read are {', '.join(sorted(CODECS))}"
        raise PatternError("file", value, remedy)
    try:
        for frame in codec(path, check):
            check(np.shape(frame))  # a damaged file may hold less than it says
            yield frame
    except PatternError:
        raise
    except OSError as error:
        value = f"{path}: {error.strerror or error}"
        raise PatternError("file", value, "check the path and that it is whole") from None
    # The libraries raise nearly anything, depending on where the damage is.
    except Exception as error:
        value = f"{path}: {type(error).__name__}: {str(error)[:200]}"
        raise PatternError("file", value, "check that it is whole and of its ending") from None


def _integrated(frames: Iterator[Any], integrator: Integrator, wavelength: float | None) -> Results:
    source = "" if wavelength is None else "argument"
    for number, frame in enumerate(frames):
        try:
            if isinstance(frame, PatternError):
                raise frame
            used, said = integrator.beam(wavelength, source)
            found = integrator.integrate(frame)
        except PatternError as error:
            yield error
            continue
        yield Parsed(
            axis=found.two_theta,
            intensity=found.intensity,
            sigma=found.sigma,
            mask=found.mask,
            unit=RadialUnit.TWO_THETA_DEG,
            wavelength=used,
            wavelength_source=said,
            settled=True,
            metadata={"frame": number},
        )
