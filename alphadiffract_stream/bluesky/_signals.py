"""The signals of a device: the latest prediction, field by field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import nan
from typing import Any

import numpy as np

from ..prediction import CRYSTAL_SYSTEMS

TOP = 5
_CELL = {"a": "angstrom", "b": "angstrom", "c": "angstrom"} | dict.fromkeys(
    ("alpha", "beta", "gamma"), "deg"
)
HINTED = ("crystal_system_probability", "space_group_number")


@dataclass(frozen=True, slots=True)
class Field:
    """One signal: its value before any prediction, and its unit."""

    initial: Any
    units: str = ""


def _cell(name: str, suffix: str = "") -> dict[str, Field]:
    return {f"{name}_{edge}{suffix}": Field(nan, units) for edge, units in _CELL.items()}


FIELDS: dict[str, Field] = {
    "status": Field("none"),
    "reason": Field(""),
    "crystal_system": Field(""),
    "crystal_system_probability": Field(0.0),
    "crystal_system_std": Field(0.0),
    "crystal_system_probabilities": Field(np.zeros(len(CRYSTAL_SYSTEMS))),
    "space_group_number": Field(0),
    "space_group_symbol": Field(""),
    "space_group_probability": Field(0.0),
    "space_group_std": Field(0.0),
    "space_group_numbers": Field(np.zeros(TOP, dtype=np.int64)),
    "space_group_probabilities": Field(np.zeros(TOP)),
    **_cell("lattice"),
    **_cell("lattice", "_std"),
    **_cell("conventional"),
    "entropy": Field(nan, "nat"),
    "novelty": Field(nan),
    "coverage": Field(nan),
    "latency_total": Field(nan, "ms"),
    "raw_run_uid": Field(""),
    "raw_seq_num": Field(0),
}
"""By the names prediction documents use; see docs/reference/documents.md."""


def values_of(data: Mapping[str, Any]) -> dict[str, Any]:
    """Value of each signal from the ``data`` of a prediction event; what it lacks is unknown."""
    values: dict[str, Any] = {}
    for name, field in FIELDS.items():
        value = data.get(name, field.initial)
        if value is None:  # how JSON writes NaN
            value = nan
        values[name] = _like(value, field.initial)
    return values


def lost(reason: str, run_uid: str = "", seq_num: int = 0) -> dict[str, Any]:
    """Values where no prediction came."""
    identity = {"raw_run_uid": run_uid, "raw_seq_num": seq_num}
    return values_of({"status": "failed", "reason": reason[:500], **identity})


def _like(value: Any, initial: Any) -> Any:
    """Of the type and, for arrays, the length its data key promises."""
    if not isinstance(initial, np.ndarray):
        return type(initial)(value)
    array = np.zeros(initial.shape, initial.dtype)
    given = np.asarray(value, dtype=initial.dtype).ravel()[: array.size]
    array[: given.size] = given
    return array
