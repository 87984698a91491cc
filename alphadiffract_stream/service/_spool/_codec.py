"""Messages of a source as plain values and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from operator import attrgetter
from typing import Any

from numpy.typing import NDArray

from ...errors import PatternError
from ...pattern import Origin, Pattern
from ...sources import PatternReceived, PatternRefused
from ._records import Event

_plain = attrgetter(*(field.name for field in fields(Origin)))
"""An origin as a tuple; `dataclasses.astuple` copies every text."""
Share = Callable[[NDArray[Any]], int]
"""Keeps an array that many events have in common; returns its number."""


def event_value(message: Event, share: Share) -> dict[str, Any]:
    """`message`; its axis and mask are kept apart, as they hardly ever change in a run."""
    if isinstance(message, PatternRefused):
        error = message.error
        return {
            "origin": _plain(message.origin),
            "error": [error.field, str(error.value), error.remedy],
            "metadata": message.metadata,
        }
    pattern = message.pattern
    return {
        "origin": _plain(pattern.origin),
        "intensity": pattern.intensity,
        "axis": share(pattern.axis),
        "unit": pattern.unit.value,
        "wavelength": pattern.wavelength,
        "wavelength_source": pattern.wavelength_source,
        "sigma": pattern.sigma,
        "mask": None if pattern.mask is None else share(pattern.mask),
        "metadata": pattern.metadata,
    }


def event_of(value: Mapping[str, Any], shared: Callable[[int], NDArray[Any]]) -> Event:
    """The message `event_value` was given."""
    origin = Origin(*value["origin"])
    if "error" in value:
        return PatternRefused(origin, PatternError(*value["error"]), value["metadata"])
    mask = value["mask"]
    return PatternReceived(
        Pattern(
            value["intensity"],
            shared(value["axis"]),
            value["unit"],
            value["wavelength"],
            value["wavelength_source"],
            value["sigma"],
            None if mask is None else shared(mask),
            origin,
            value["metadata"],
        )
    )
