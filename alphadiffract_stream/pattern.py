"""One measured powder pattern and where it came from. Immutable; knows nothing of models."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from reprlib import repr as short
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import PatternError

HC_KEV_ANGSTROM = 12.398419843
"""Planck's constant times the speed of light, keV Å (CODATA 2018): λ = hc / E."""


class RadialUnit(StrEnum):
    """Radial axis of a pattern, by pyFAI's unit names (``d_A`` is ours)."""

    TWO_THETA_DEG = "2th_deg"
    TWO_THETA_RAD = "2th_rad"
    Q_INV_ANGSTROM = "q_A^-1"
    Q_INV_NM = "q_nm^-1"
    D_ANGSTROM = "d_A"

    @property
    def needs_wavelength(self) -> bool:
        """Whether this axis says nothing about d without the wavelength."""
        return self in (RadialUnit.TWO_THETA_DEG, RadialUnit.TWO_THETA_RAD)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a pattern came from: enough to join a prediction back to the raw event."""

    transport: str = "memory"
    """Kind of source: ``bluesky-zmq``, ``frames``, ``file``, ``memory``…"""
    name: str = ""
    """Endpoint, topic or file path."""
    run_uid: str | None = None
    descriptor_uid: str | None = None
    event_uid: str | None = None
    seq_num: int | None = None
    time: float | None = None
    """Unix time of the raw event, s."""

    def __str__(self) -> str:
        place = f"{self.transport} {self.name}".strip()
        if self.run_uid:
            place += f" run {self.run_uid[:8]}"
        return place if self.seq_num is None else f"{place} seq_num {self.seq_num}"


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """A one-dimensional powder pattern as it was measured.

    Raises PatternError from the constructor when arrays are not numeric, not one-dimensional or
    of unequal length, or the wavelength is not a positive finite number. Contents (NaN, order,
    coverage) are judged where the pattern is put on the canonical grid. Arrays are read only here;
    they are not copied, so a caller that reuses its buffer must copy it first.
    """

    intensity: NDArray[np.floating]
    """(n,) counts or any positive scale."""
    axis: NDArray[np.floating]
    """(n,) radial positions in `unit`; any order."""
    unit: RadialUnit
    wavelength: float | None = None
    """Å; None only where the axis is q or d."""
    wavelength_source: str = ""
    """Which field the wavelength was read from, for the record."""
    sigma: NDArray[np.floating] | None = None
    """(n,) standard deviation of the intensity, same scale."""
    mask: NDArray[np.bool_] | None = None
    """(n,) True where a point must not be used (pyFAI's and numpy.ma's sense)."""
    origin: Origin = field(default_factory=Origin)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """Sample name, motor positions…: carried, never interpreted."""

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        set_(self, "mask", _merged_mask(self.mask, self.intensity))
        set_(self, "intensity", _vector("intensity", self.intensity))
        set_(self, "axis", _vector("axis", self.axis))
        set_(self, "unit", _unit(self.unit))
        _same_length("axis", self.axis, self.intensity)
        if self.sigma is not None:
            set_(self, "sigma", _vector("sigma", self.sigma))
            _same_length("sigma", self.sigma, self.intensity)
        if self.mask is not None:
            _same_length("mask", self.mask, self.intensity)
        if self.wavelength is not None:
            set_(self, "wavelength", _positive("wavelength", self.wavelength, "in Å"))

    @property
    def energy(self) -> float | None:
        """Photon energy, keV."""
        return None if self.wavelength is None else HC_KEV_ANGSTROM / self.wavelength


def wavelength_from_energy(energy: float) -> float:
    """Wavelength in Å of photons of `energy` keV. Raises PatternError unless 0 < energy < inf."""
    value = _positive("energy", energy, "in keV")
    return _positive("wavelength", HC_KEV_ANGSTROM / value, f"in Å (from an energy of {value} keV)")


def _positive(name: str, value: object, unit: str) -> float:
    try:
        if isinstance(value, bool):
            raise TypeError
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        raise PatternError(name, short(value), f"give a number {unit}") from None
    if not (math.isfinite(number) and number > 0):
        raise PatternError(name, number, f"give a positive number {unit}")
    return number


def _unit(value: object) -> RadialUnit:
    try:
        return RadialUnit(value)
    except ValueError:
        names = ", ".join(RadialUnit)
        raise PatternError("unit", short(value), f"use one of {names}") from None


def _vector(name: str, values: ArrayLike) -> NDArray[np.floating]:
    try:
        array = np.asarray(values)
        if array.dtype not in (np.float32, np.float64):
            if array.dtype.kind not in "iuf":
                raise TypeError(f"dtype {array.dtype}")
            array = array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise PatternError(name, f"not numbers ({error})", "send an array of numbers") from None
    return _one_dimensional(name, array)


def _merged_mask(mask: ArrayLike | None, intensity: ArrayLike) -> NDArray[np.bool_] | None:
    """`mask` as booleans, with what a `numpy.ma` intensity hides."""
    if mask is not None:
        try:
            array = np.asarray(mask)
        except ValueError as error:
            raise PatternError("mask", f"no array ({error})", "send an array of 0 and 1") from None
        if array.dtype.kind not in "biu":
            raise PatternError("mask", f"dtype {array.dtype}", "send booleans or 0 and 1")
        mask = _one_dimensional("mask", array.astype(bool))
    if not isinstance(intensity, np.ma.MaskedArray):
        return mask
    hidden = np.ma.getmaskarray(intensity)
    if mask is not None:
        _same_length("mask", mask, hidden)
        return mask | hidden
    return hidden


def _one_dimensional(name: str, array: NDArray[Any]) -> NDArray[Any]:
    if array.ndim != 1:
        remedy = "send one pattern an event, one-dimensional"
        raise PatternError(name, f"shape {array.shape}", remedy)
    array = array.view()
    array.flags.writeable = False
    return array


def _same_length(name: str, array: NDArray[Any], intensity: NDArray[Any]) -> None:
    if array.shape != intensity.shape:
        raise PatternError(
            name, f"{array.size} values", f"give as many as the intensity has ({intensity.size})"
        )
