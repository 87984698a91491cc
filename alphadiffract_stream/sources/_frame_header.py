"""The JSON header of a plain 0MQ frame, and the pattern in the frames behind it.

docs/reference/wire.md describes it for whoever writes a sender.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
import orjson
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ..errors import DecodeError, PatternError
from ..pattern import HC_KEV_ANGSTROM, Origin, Pattern, RadialUnit
from ..wire import check_json

MAX_HEADER = 4 * 2**20
"""Bytes; an axis of 100 000 points fits."""
MAX_POINTS = 10_000_000

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Dtype = Literal[
    "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"
]
Positions = Annotated[
    list[float], Field(fail_fast=True)
]  # one fault is told; a million cost seconds
_HEADER = ConfigDict(extra="forbid", frozen=True)


class Identity(BaseModel):
    """What every header says: enough to answer it whatever else is wrong with it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    version: Literal[1]
    kind: Literal["start", "pattern", "stop"]
    run: (
        Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]+$")] | None
    ) = None
    """One line, as it goes into the log."""
    seq_num: Annotated[int, Field(ge=0, lt=2**53, strict=True)] | None = None
    time: Annotated[float, Field(allow_inf_nan=False)] | None = None


class Ramp(BaseModel):
    """An evenly spaced axis: `start`, and `step` or `stop` (the last point)."""

    model_config = _HEADER

    start: Annotated[float, Field(allow_inf_nan=False)]
    step: Annotated[float, Field(allow_inf_nan=False)] | None = None
    stop: Annotated[float, Field(allow_inf_nan=False)] | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Ramp:
        if (self.step is None) == (self.stop is None):
            raise ValueError("give step or stop, and not both")
        return self

    def values(self, n: int) -> NDArray[Any]:
        """(n,) positions."""
        if self.stop is not None:
            return np.linspace(self.start, self.stop, n)
        return self.start + np.arange(n) * (self.step or 0.0)


class Defaults(BaseModel):
    """What a pattern header may leave out where the start header of its run said it."""

    model_config = _HEADER

    unit: RadialUnit | None = None
    axis: Literal["frame"] | Ramp | Positions | None = None
    energy_kev: Positive | None = None
    wavelength: Positive | None = None
    """Å."""

    @model_validator(mode="after")
    def _one_of_them(self) -> Defaults:
        if self.energy_kev is not None and self.wavelength is not None:
            raise ValueError("give energy_kev or wavelength, and not both")
        return self


class PatternHeader(Defaults):
    """What a pattern header says beside its identity."""

    dtype: Dtype = "float32"
    byte_order: Literal["little", "big"] = "little"
    shape: Annotated[list[Annotated[int, Field(ge=0, le=MAX_POINTS)]], Field(max_length=8)]
    sigma: Literal["frame"] | None = None
    mask: Literal["frame"] | None = None
    metadata: dict[str, Any] = {}


class StartHeader(Defaults):
    """What a start header says beside its identity."""

    sample: str | dict[str, Any] | None = None
    metadata: dict[str, Any] = {}


class StopHeader(BaseModel):
    """What a stop header says beside its identity."""

    model_config = _HEADER

    num_events: Annotated[int, Field(ge=0, lt=2**53, strict=True)] | None = None
    exit_status: Literal["success", "abort", "fail"] = "success"
    reason: str = ""


def read_header(frame: bytes) -> tuple[Identity, dict[str, Any]]:
    """Identity and the rest of a header. Raises DecodeError."""
    if len(frame) > MAX_HEADER:
        raise DecodeError(f"a header of {len(frame)} bytes, more than {MAX_HEADER}")
    check_json(frame)
    try:
        header = orjson.loads(frame)
    except orjson.JSONDecodeError as error:
        raise DecodeError(f"the first frame is no JSON header: {error}") from None
    if not isinstance(header, dict):
        raise DecodeError(f"the header must be an object, not {type(header).__name__}")
    try:
        identity = Identity.model_validate(header)
    except ValidationError as error:
        field, value, remedy = fault(error)
        raise DecodeError(f"header {field}: {value}; {remedy}") from None
    return identity, {k: v for k, v in header.items() if k not in Identity.model_fields}


def fault(error: ValidationError) -> tuple[str, str, str]:
    """Field, value and remedy of the first thing pydantic found wrong."""
    first = error.errors(include_url=False)[0]
    names = [part for part in first["loc"] if isinstance(part, str) and part.isidentifier()]
    field = names[0] if names else "header"
    value = "missing" if first["type"] == "missing" else f"{first['input']!r:.60}"
    return field, value, first["msg"].removeprefix("Value error, ")


def read_pattern_frames(
    header: Mapping[str, Any],
    frames: Sequence[bytes],
    defaults: Defaults,
    origin: Origin,
    wavelength: float | None,
) -> Pattern:
    """The pattern of a header (without its identity) and the frames behind it.

    defaults: of the run's start header. wavelength: Å, the operator's, where neither names one.
    Raises PatternError naming what is wrong.
    """
    try:
        said = PatternHeader.model_validate(header)
    except ValidationError as error:
        raise PatternError(*fault(error)) from None
    n = _points(said)
    arrays = _arrays(said, defaults, frames, n)
    axis = said.axis if said.axis is not None else defaults.axis
    unit = said.unit or defaults.unit
    if axis is None:
        raise PatternError("axis", "missing", "give start and step, a list, or 'frame'")
    if unit is None:
        raise PatternError("unit", "missing", f"give one of {', '.join(RadialUnit)}")
    if isinstance(axis, Ramp):
        positions = axis.values(n)
    else:
        positions = arrays["axis"] if axis == "frame" else np.asarray(axis, dtype=float)
    value, source = _wavelength(said, defaults, wavelength)
    return Pattern(
        intensity=arrays["intensity"],
        axis=positions,
        unit=unit,
        wavelength=value,
        wavelength_source=source,
        sigma=arrays.get("sigma"),
        mask=arrays["mask"].astype(bool) if "mask" in arrays else None,
        origin=origin,
        metadata={"data": dict(said.metadata)},
    )


def _points(header: PatternHeader) -> int:
    if any(n != 1 for n in header.shape[:-1]) or not header.shape:
        raise PatternError("shape", header.shape, "send one pattern a message: [n]")
    return header.shape[-1]


def _arrays(
    header: PatternHeader, defaults: Defaults, frames: Sequence[bytes], n: int
) -> dict[str, NDArray[Any]]:
    """Arrays by role: the intensity, then axis, sigma and mask where the header says ``frame``."""
    axis = header.axis if header.axis is not None else defaults.axis
    asked = {"axis": axis, "sigma": header.sigma, "mask": header.mask}
    roles = ["intensity", *(role for role, place in asked.items() if place == "frame")]
    if len(frames) != len(roles):
        remedy = f"send {len(roles)} after the header: {', '.join(roles)}"
        raise PatternError("frames", len(frames), remedy)
    order = "<" if header.byte_order == "little" else ">"
    arrays = {}
    for role, frame in zip(roles, frames, strict=True):
        name = "uint8" if role == "mask" else header.dtype
        dtype = np.dtype(name).newbyteorder(order)
        if len(frame) != n * dtype.itemsize:
            value = f"{len(frame)} bytes"
            raise PatternError(role, value, f"{n} values of {name} are {n * dtype.itemsize}")
        arrays[role] = np.frombuffer(frame, dtype=dtype).astype(dtype.newbyteorder("="), copy=False)
    return arrays


def _wavelength(
    header: Defaults, defaults: Defaults, operator: float | None
) -> tuple[float | None, str]:
    for said, where in ((header, "header"), (defaults, "start header")):
        if said.wavelength is not None:
            return said.wavelength, f"{where}: wavelength"
        if said.energy_kev is not None:
            return HC_KEV_ANGSTROM / said.energy_kev, f"{where}: energy_kev"
    return operator, "" if operator is None else "operator"
