"""One detector geometry, worked out once; each frame is then a sparse matrix times its pixels."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigurationError, PatternError
from ..pattern import Origin, Pattern, RadialUnit
from ._geometry import bins_of, load_geometry, read_mask, shape_of, wavelength_of
from ._limits import check_shape, frame_of

log = logging.getLogger(__name__)

METHOD = ("bbox", "csc", "cython")
"""pyFAI's splitting, algorithm and implementation: other threads run on meanwhile (ADR 0023)."""
_AGREE = 1e-3
"""Relative difference up to which an event's wavelength and the PONI's are the same one."""


@dataclass(frozen=True, slots=True)
class Integrated:
    """A frame's powder pattern, (n,) each."""

    two_theta: NDArray[np.float64]
    """Degrees."""
    intensity: NDArray[np.float32]
    """Counts a pixel, corrected for solid angle and, where asked for, polarisation."""
    sigma: NDArray[np.float32] | None
    """Standard deviation, by the error model asked for."""
    mask: NDArray[np.bool_]
    """True where no good pixel lies."""


class Integrator:
    """Integrates the frames of one detector over the azimuth, in one thread at a time.

    poni: calibration, as pyFAI-calib2 writes it. pixel_mask: image or ``.npy``; pixels that are
    not 0 there are not used, nor those the detector's own mask hides. npt: bins; two a pixel where
    not given. polarization_factor: pyFAI's, from -1 (vertical) to 1 (horizontal); None: no
    correction. error_model: ``poisson`` gives σ. method: pyFAI's.
    The axis is always 2θ: it follows from the geometry alone, so one matrix serves every energy.
    Raises ConfigurationError where pyFAI is missing or one of them cannot be used.
    """

    def __init__(
        self,
        poni: Path,
        *,
        pixel_mask: Path | None = None,
        npt: int | None = None,
        polarization_factor: float | None = None,
        error_model: Literal["poisson"] | None = None,
        method: tuple[str, str, str] = METHOD,
    ) -> None:
        self.poni = poni
        self._geometry = load_geometry(poni)
        self.wavelength = wavelength_of(self._geometry, poni)
        """Å, the PONI's."""
        self.shape = shape_of(self._geometry)
        """(rows, columns); of the first frame where the PONI does not say."""
        self._mask = None if pixel_mask is None else read_mask(pixel_mask)
        self._npt = npt
        self._polarization = polarization_factor
        self._error_model = error_model
        self._method = method
        self._disagreed = False
        if self._mask is not None and self.shape not in (None, self._mask.shape):
            raise ConfigurationError(
                f"pixel_mask={pixel_mask}: shape {self._mask.shape}, but the detector of {poni} "
                f"has {self.shape}"
            )
        self.shape = self.shape or (None if self._mask is None else self._mask.shape)
        if self.shape is not None:
            self._prepare(self.shape)

    @property
    def npt(self) -> int | None:
        """Bins; None before the first frame where the PONI does not say the detector's shape."""
        return self._npt

    def check_shape(self, shape: Sequence[int | None]) -> tuple[int, int]:
        """(rows, columns) of an array of `shape`, before it is read. Raises PatternError where
        that is no frame of this detector."""
        return check_shape(shape, self.shape, self.poni.name)

    def integrate(self, frame: Any) -> Integrated:
        """(rows, columns) counts to a pattern; milliseconds. Raises PatternError.

        Not used are pixels that are negative or at the end of an integer's range (as detectors
        mark gaps and overflows), or NaN.
        """
        frame = frame_of(frame)
        shape = self.check_shape(frame.shape)
        if self.shape is None:
            self._prepare(shape)
        found = self._integrate(_cleaned(frame))
        return Integrated(
            two_theta=np.asarray(found.radial, dtype=np.float64),
            intensity=np.asarray(found.intensity, dtype=np.float32),
            sigma=None if self._error_model is None else np.asarray(found.sigma, np.float32),
            mask=np.asarray(found.sum_normalization) <= 0,
        )

    def pattern(
        self,
        frame: Any,
        *,
        wavelength: float | None = None,
        wavelength_source: str = "",
        origin: Origin,
        metadata: Mapping[str, Any],
    ) -> Pattern:
        """`integrate` as a Pattern; `wavelength` (Å) as `beam` takes it. Raises PatternError."""
        wavelength, wavelength_source = self.beam(wavelength, wavelength_source)
        found = self.integrate(frame)
        return Pattern(
            intensity=found.intensity,
            axis=found.two_theta,
            unit=RadialUnit.TWO_THETA_DEG,
            wavelength=wavelength,
            wavelength_source=wavelength_source,
            sigma=found.sigma,
            mask=found.mask,
            origin=origin,
            metadata=metadata,
        )

    def beam(self, wavelength: float | None, source: str) -> tuple[float, str]:
        """Wavelength (Å) and its source: what is said of the frame, or else the PONI's.

        Where the two differ the frame's is taken and the source says so, as does the log, once.
        Raises PatternError where neither is known.
        """
        if wavelength is None:
            if self.wavelength is None:
                remedy = "put energy into the events or Wavelength into the PONI file"
                raise PatternError("wavelength", f"none, nor in {self.poni.name}", remedy)
            return self.wavelength, f"poni: {self.poni.name}"
        if self.wavelength is None or math.isclose(wavelength, self.wavelength, rel_tol=_AGREE):
            self._disagreed = False
            return wavelength, source
        other = f"the PONI has {self.wavelength:.6g} Å"
        if not self._disagreed:
            log.warning(
                "%s says %.6g Å and %s: the former is used, but a distance calibrated at the wrong "
                "energy is wrong too (%s)",
                *(source, wavelength, other, self.poni),
            )
        self._disagreed = True
        return wavelength, f"{source} ({other})"

    def _prepare(self, shape: tuple[int, int]) -> None:
        """Work out the matrix, which takes a second for some megapixels."""
        self.check_shape(shape)
        detector = self._geometry.detector
        detector.shape = shape
        if self._mask is not None:
            own = detector.mask
            detector.mask = self._mask if own is None else self._mask | own.astype(bool)
        if self._npt is None:
            self._npt = bins_of(self._geometry, shape)
        self.shape = shape
        self._integrate(np.zeros(shape, np.float32))

    def _integrate(self, frame: NDArray[np.float32]) -> Any:
        try:
            return self._geometry.integrate1d_ng(
                frame,
                self._npt,
                unit="2th_deg",
                correctSolidAngle=True,
                polarization_factor=self._polarization,
                error_model=self._error_model,
                method=self._method,
            )
        except Exception as error:  # a frame that cannot be integrated must not end the stream
            log.exception("integration with %s", self.poni)
            said = f"{type(error).__name__}: {str(error)[:200]}"
            value = f"pyFAI could not integrate it ({said})"
            raise PatternError("frame", value, "see the log") from error


def _cleaned(frame: NDArray[Any]) -> NDArray[np.float32]:
    """As float32, NaN where a pixel counts for nothing."""
    cleaned = frame.astype(np.float32)
    if frame.dtype.kind == "i":
        cleaned[(frame < 0) | (frame == np.iinfo(frame.dtype).max)] = np.nan
    elif frame.dtype.kind == "u":
        cleaned[frame == np.iinfo(frame.dtype).max] = np.nan
    return cleaned
