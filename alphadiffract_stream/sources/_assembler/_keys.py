"""Which data keys are the pattern: as named by the operator, by the run, or by the look of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from ...errors import PatternError
from ._raw_documents import Descriptor
from ._units import axis_rank

_SIGMA = re.compile(
    r"(^|_)(sigma|sigmas|esd|esds|error|errors|err|std|stddev|uncertainty|variance)$"
)
_MASK = re.compile(r"(^|_)masks?$")
_BACKGROUND = re.compile(r"background|(^|_)bkg(_|$)")
_INTENSITY = re.compile(r"intensit(y|ies)|(^|_)(i|iq|i_q|i_tth|i_of_q|pattern|diffractogram)$")
OURS = "alphadiffract"
"""Analysis and stream name of the runs we publish ourselves."""
_BESIDE = re.compile(r"baseline|.*_monitor")
"""Streams taken beside the measurement; a run's patterns only where one is named."""
_FEWEST_POINTS = 32
"""An unnamed array shorter than this is somebody's list of settings, not a pattern."""


@dataclass(frozen=True, slots=True)
class PatternKeys:
    """Data keys by their roles; None where they are to be found."""

    intensity: str | None = None
    axis: str | None = None
    sigma: str | None = None
    mask: str | None = None
    unit: str | None = None
    """Unit of the axis (any spelling `axis_unit` reads), over what the documents say."""
    energy: str | None = None
    wavelength: str | None = None


class RunHints(BaseModel):
    """``alphadiffract`` in a start document: what the run itself says about its patterns."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    intensity: str | None = None
    axis: str | list[float] | None = None
    """A data key, or the positions themselves."""
    sigma: str | None = None
    mask: str | None = None
    unit: str | None = None
    energy_kev: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    wavelength: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Å."""

    @field_validator("axis", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        return value.tolist() if isinstance(value, np.ndarray) else value

    @classmethod
    def of(cls, start: Mapping[str, Any]) -> RunHints:
        """Hints in a start document. Raises PatternError naming the field that is wrong."""
        try:
            return cls.model_validate(start.get("alphadiffract", {}))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            field = ".".join(map(str, ("alphadiffract", *first["loc"][:1])))
            value = f"{str(first['input'])[:60]!r} ({first['msg']})"
            remedy = f"in the start document, use only {', '.join(cls.model_fields)}"
            raise PatternError(field, value, remedy) from None

    def over(self, keys: PatternKeys) -> PatternKeys:
        """`keys` with what the run says on top."""
        said = {
            name: value
            for name in ("intensity", "axis", "sigma", "mask", "unit")
            if isinstance(value := getattr(self, name), str)
        }
        return replace(keys, **said)


def may_hold_patterns(descriptor: Descriptor) -> bool:
    """Whether there is any array of one dimension, or of two, in the stream's events."""
    return any(key.one_dimensional or key.two_dimensional for key in descriptor.data_keys.values())


def find_intensity(
    descriptor: Descriptor, named: str | None, *, frames: bool = False
) -> str | None:
    """The data key that holds the patterns of this stream, or its frames; None if it has neither.

    What is called an intensity goes before frames, and those before other arrays where the
    operator gave a calibration (`frames`). Raises PatternError when several could be meant.
    """
    if named is not None:
        return named if named in descriptor.data_keys else None
    if _BESIDE.fullmatch(descriptor.name):
        return None
    arrays = {
        name: key
        for name, key in descriptor.data_keys.items()
        if key.one_dimensional and not _other_role(name)
    }
    exactly = [name for name in arrays if name.lower().endswith("intensity")]
    called = [name for name in arrays if _INTENSITY.search(name.lower())]
    hinted = [name for name in descriptor.hinted if name in arrays]
    long = [name for name, key in arrays.items() if (key.size or _FEWEST_POINTS) >= _FEWEST_POINTS]
    images = _frames(descriptor)
    order = (images, hinted, long) if frames else (hinted, long, images)
    for candidates in (exactly, called, *order):
        if len(candidates) == 1:
            return candidates[0]
        if candidates:
            raise PatternError(
                "intensity",
                f"several data keys could be the pattern: {', '.join(sorted(candidates)[:8])}",
                "name one with ?intensity=KEY",
            )
    return None


def _frames(descriptor: Descriptor) -> list[str]:
    """Data keys that look like frames of a detector; of several, those somebody would plot."""
    found = [
        name
        for name, key in descriptor.data_keys.items()
        if key.two_dimensional
        and min(n or 0 for n in (key.shape or [])[-2:]) >= _FEWEST_POINTS
        and not _other_role(name)
    ]
    return [name for name in found if name in descriptor.hinted] or found


def find_beside(descriptor: Descriptor, intensity: str, role: re.Pattern[str]) -> str | None:
    """The array of `role` that goes with `intensity`: same length, same object first."""
    size = descriptor.data_keys[intensity].size
    found = [
        name
        for name, key in descriptor.data_keys.items()
        if key.one_dimensional and key.size == size and role.search(name.lower())
    ]
    home = descriptor.object_of(intensity)
    found.sort(key=lambda name: (descriptor.object_of(name) != home, len(name), name))
    return found[0] if found else None


def find_sigma(descriptor: Descriptor, intensity: str) -> str | None:
    """The standard deviation that goes with `intensity`; a variance is not one."""
    name = find_beside(descriptor, intensity, _SIGMA)
    return None if name is None or "variance" in name.lower() else name


def _other_role(name: str) -> bool:
    lowered = name.lower()
    roles = (_SIGMA, _MASK, _BACKGROUND)
    return axis_rank(name) is not None or any(role.search(lowered) for role in roles)
