"""Patterns as the raw Bluesky documents a detector would have published."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from time import time
from typing import Any

import numpy as np
from event_model import ComposeRunBundle, compose_run

from ...pattern import Pattern, RadialUnit

Named = tuple[str, Mapping[str, Any]]

_AXES = {
    RadialUnit.TWO_THETA_DEG: ("two_theta", "deg"),
    RadialUnit.TWO_THETA_RAD: ("two_theta", "rad"),
    RadialUnit.Q_INV_ANGSTROM: ("q", "1/angstrom"),
    RadialUnit.Q_INV_NM: ("q", "1/nm"),
    RadialUnit.D_ANGSTROM: ("d_spacing", "angstrom"),
}
_OBJECT = "replay"


def raw_documents(patterns: Iterable[Pattern]) -> Iterator[Named]:
    """One run for each stretch of patterns of the same unit and length; every document is valid.

    Masked points go as NaN; a wavelength goes with each event, so that files may differ.
    """
    for _, group in groupby(patterns, key=_layout):
        yield from _run(group)


def _layout(pattern: Pattern) -> tuple[Any, ...]:
    parts = (pattern.wavelength is None, pattern.sigma is None)
    return pattern.unit, pattern.intensity.size, *parts


def _run(patterns: Iterator[Pattern]) -> Iterator[Named]:
    run = compose_run(metadata={"plan_name": "replay", "purpose": "replay of files"})
    yield "start", run.start_doc
    descriptor = None
    for pattern in patterns:
        keys = _data(pattern)
        if descriptor is None:
            descriptor = _descriptor(run, keys)
            yield "descriptor", descriptor.descriptor_doc
        data = {name: value for name, (value, _) in keys.items()}
        yield "event", descriptor.compose_event(data=data, timestamps=dict.fromkeys(data, time()))
    yield "stop", run.compose_stop()


def _data(pattern: Pattern) -> dict[str, tuple[Any, str | None]]:
    """Key → value and units."""
    axis, units = _AXES[pattern.unit]
    intensity = np.asarray(pattern.intensity, dtype=np.float64)
    if pattern.mask is not None:
        intensity = np.where(pattern.mask, np.nan, intensity)
    data: dict[str, tuple[Any, str | None]] = {
        "intensity": (intensity, "counts"),
        axis: (np.asarray(pattern.axis, dtype=np.float64), units),
        "file": (Path(pattern.origin.name).name, None),
    }
    if pattern.sigma is not None:
        data["intensity_sigma"] = (np.asarray(pattern.sigma, dtype=np.float64), "counts")
    if pattern.wavelength is not None:
        data["wavelength"] = (pattern.wavelength, "angstrom")
    return data


def _descriptor(run: ComposeRunBundle, data: Mapping[str, tuple[Any, str | None]]) -> Any:
    return run.compose_descriptor(
        name="primary",
        data_keys={name: _data_key(value, units) for name, (value, units) in data.items()},
        object_keys={_OBJECT: list(data)},
        configuration={_OBJECT: {"data": {}, "timestamps": {}, "data_keys": {}}},
        hints={_OBJECT: {"fields": ["intensity"]}},
    )


def _data_key(value: Any, units: str | None) -> dict[str, Any]:
    key: dict[str, Any] = {"source": f"{_OBJECT}:file", "units": units}
    if isinstance(value, str):
        return key | {"dtype": "string", "shape": []}
    if isinstance(value, float):
        return key | {"dtype": "number", "shape": [], "dtype_numpy": "<f8"}
    return key | {"dtype": "array", "shape": list(value.shape), "dtype_numpy": "<f8"}
