"""What is asked of the process that reads, and what it may answer. JSON, and arrays after it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from ...pattern import RadialUnit

LONGEST_TEXT = 2000
"""Characters of one text in an answer."""
MAX_ARRAYS = 256 * 2**20
"""Bytes of the arrays of one answer: 10 million points, three times, or one frame."""

Text = Annotated[str, Field(max_length=LONGEST_TEXT)]
Number = Literal["b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"]
Role = Literal["axis", "intensity", "sigma", "rows"]


class _Part(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        ser_json_bytes="base64",
        val_json_bytes="base64",
        ser_json_inf_nan="constants",
    )


class Request(_Part):
    """One thing to do."""

    do: Literal["patterns", "frames", "next", "rows", "beside"]
    limit: float
    """s after which nobody waits for the answer any more."""
    path: bytes = b""
    dataset: bytes = b""
    index: int = 0
    shape: tuple[int | None, ...] = ()
    """Of an event's value; of the detector, where that is known, for ``frames``."""
    detector: bytes = b""
    """Name of the detector's PONI file, for a message."""
    frames: int | None = None


class Array(_Part):
    """One array; its bytes follow, in this machine's order."""

    role: Role
    dtype: Number
    shape: Annotated[tuple[Annotated[int, Field(ge=0, le=2**40)], ...], Field(max_length=32)]


class Fault(_Part):
    """A `PatternError`."""

    field: Text
    value: Text
    remedy: Text


class _Answer(_Part):
    arrays: Annotated[list[Array], Field(max_length=3)] = []


class Ready(_Answer):
    """The process has started."""

    kind: Literal["ready"] = "ready"


class FoundPattern(_Answer):
    """A `Parsed`."""

    kind: Literal["pattern"] = "pattern"
    unit: RadialUnit | None
    scale: float
    wavelength: float | None
    wavelength_source: Text
    doubts: Annotated[dict[Literal["wavelength", "unit"], Fault], Field(max_length=2)]
    metadata: Annotated[dict[Text, Text | int], Field(max_length=16)]


class FoundRows(_Answer):
    """An event's value, or a detector's frame."""

    kind: Literal["rows"] = "rows"


class FoundBeside(_Answer):
    """A `Beside`."""

    kind: Literal["beside"] = "beside"
    unit: RadialUnit
    wavelength: float | None
    wavelength_source: Text


class BadFrame(_Answer):
    """One pattern cannot be read; others may follow."""

    kind: Literal["bad frame"] = "bad frame"
    fault: Fault


class Refused(_Answer):
    """The file is at fault, or, `unexpected`, what reads it."""

    kind: Literal["refused"] = "refused"
    fault: Fault
    busy: bool = False
    nothing: bool = False
    """The file is whole, and there is nothing in it of what was asked for."""
    unexpected: bool = False


class NotYet(_Answer):
    """It may be there later."""

    kind: Literal["not yet"] = "not yet"
    text: Text


class End(_Answer):
    """There are no more patterns."""

    kind: Literal["end"] = "end"


Answer = Ready | FoundPattern | FoundRows | FoundBeside | BadFrame | Refused | NotYet | End
ANSWERS: TypeAdapter[Answer] = TypeAdapter(Annotated[Answer, Field(discriminator="kind")])
