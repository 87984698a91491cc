"""Where the radial axis of a stream is: in its events, a configuration or the start document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import PatternError
from ._keys import PatternKeys
from ._raw_documents import Descriptor
from ._units import AxisUnit, axis_rank, axis_unit

REMEDY = (
    "add the axis (two_theta, q or d) to the event, the detector's configuration or the start "
    "document, or name its key with ?axis=KEY"
)


@dataclass(frozen=True, slots=True)
class Axis:
    """Under `key` in every event, or once for all in `values`; times `unit.scale`."""

    unit: AxisUnit
    key: str | None = None
    values: NDArray[Any] | None = None


@dataclass(frozen=True, slots=True)
class _Place:
    name: str
    units: str | None
    values: Any
    """None where every event brings its own."""
    size: int | None


def find_axis(
    descriptor: Descriptor, intensity: str, start: Mapping[str, Any], keys: PatternKeys
) -> Axis:
    """The axis named in `keys`, or the best of those that look like one.

    Events go before configurations before the start document, the intensity's own object before
    others, and an axis that needs no wavelength (q, d) before 2θ. Raises PatternError when there
    is none or its unit is unclear.
    """
    places = list(_places(descriptor, intensity, start))
    if keys.axis is not None:
        named = [p for p in places if p.name == keys.axis]
        if not named:
            value = f"no array {keys.axis!r} in event, configuration or start"
            raise PatternError("axis", value, REMEDY)
        return _axis(named[0], keys)
    ranked = [(r, i, p) for i, p in enumerate(places) if (r := axis_rank(p.name)) is not None]
    if not ranked:
        raise PatternError("axis", f"none beside {intensity!r}", REMEDY)
    size = descriptor.data_keys[intensity].size
    if size is not None:
        # An axis of another length belongs to another detector, unless it is the only one.
        ranked = [r for r in ranked if r[2].size in (None, size)] or ranked
    return _axis(min(ranked, key=lambda r: r[:2])[2], keys)


def vector(value: Any) -> Any:
    """`value` as an array of one axis where that is only a matter of form.

    Leading axes of length one go; None among numbers (JSON's NaN) becomes NaN.
    """
    if isinstance(value, list | tuple) and any(v is None for v in value):
        value = [np.nan if v is None else v for v in value]
    try:
        array = np.asarray(value)
    except (ValueError, TypeError):
        return value  # ragged or no numbers at all: the pattern says so in its own words
    return array.reshape(-1) if array.ndim > 1 and array.size == array.shape[-1] else array


def _places(descriptor: Descriptor, intensity: str, start: Mapping[str, Any]) -> Iterator[_Place]:
    home = descriptor.object_of(intensity)
    data_keys = descriptor.data_keys
    for name in sorted(data_keys, key=lambda n: descriptor.object_of(n) != home):
        key = data_keys[name]
        if name != intensity and key.one_dimensional:
            yield _Place(name, key.units, None, key.size)
    for obj in sorted(descriptor.configuration, key=lambda o: o != home):
        configuration = descriptor.configuration[obj]
        for name, value in configuration.data.items():
            key = configuration.data_keys.get(name)
            if _is_vector(value):
                yield _Place(name, key.units if key else None, vector(value), np.size(value))
    for name, value in start.items():
        if _is_vector(value):
            units = start.get(f"{name}_units", start.get(f"{name}_unit"))
            words = units if isinstance(units, str) else None
            yield _Place(name, words, vector(value), np.size(value))


def _axis(place: _Place, keys: PatternKeys) -> Axis:
    name, units = (place.name, place.units) if keys.unit is None else ("axis", keys.unit)
    unit = axis_unit(name, units)
    return Axis(unit, place.name if place.values is None else None, place.values)


def _is_vector(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.size > 1
    return (
        isinstance(value, list | tuple)
        and len(value) > 1
        and all(v is None or isinstance(v, int | float | np.number) for v in value)
    )
