"""The columns of the prediction stream: every key with source, type, shape and units."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ._plain import plain, plain_key

STREAM = "alphadiffract"
"""Name of the stream, and of the object its keys belong to."""
TOP = 5
"""Space groups an event lists."""
CELL = ("a", "b", "c", "alpha", "beta", "gamma")
PREFIX = "raw_"
"""Before the name of every scalar of the raw event that is carried along."""

_NUMBER = {"dtype": "number", "dtype_numpy": "<f8", "shape": []}
_INTEGER = {"dtype": "integer", "dtype_numpy": "<i8", "shape": []}


def _text(length: int) -> dict[str, Any]:
    return {"dtype": "string", "dtype_numpy": f"<U{length}", "shape": []}


def _array(dtype_numpy: str, size: int) -> dict[str, Any]:
    return {"dtype": "array", "dtype_numpy": dtype_numpy, "shape": [size]}


def _fraction() -> dict[str, Any]:
    return _NUMBER | {"units": "", "precision": 3}


def _cell(name: str, suffix: str = "") -> dict[str, dict[str, Any]]:
    return {
        f"{name}_{edge}{suffix}": _NUMBER
        | ({"units": "angstrom", "precision": 4} if i < 3 else {"units": "deg", "precision": 2})
        for i, edge in enumerate(CELL)
    }


REASON_LENGTH = 500

_IDENTITY = {
    "raw_run_uid": _text(256),
    "raw_descriptor_uid": _text(256),
    "raw_event_uid": _text(256),
    "raw_seq_num": _INTEGER,
    "raw_time": _NUMBER | {"units": "s"},
}
_ANSWER = {
    "status": _text(16),
    "reason": _text(REASON_LENGTH),
    "crystal_system": _text(12),
    "crystal_system_probability": _fraction(),
    "crystal_system_std": _fraction(),
    "crystal_system_probabilities": _array("<f8", 7),
    "space_group_number": _INTEGER,
    "space_group_symbol": _text(16),
    "space_group_probability": _fraction(),
    "space_group_std": _fraction(),
    "space_group_numbers": _array("<i8", TOP),
    "space_group_symbols": _array("<U16", TOP),
    "space_group_probabilities": _array("<f8", TOP),
    "space_group_stds": _array("<f8", TOP),
    **_cell("lattice"),
    **_cell("lattice", "_std"),
    **_cell("conventional"),
    "conventional_misfit": _fraction(),
    "consistency": _fraction(),
    "entropy": _NUMBER | {"units": "nat", "precision": 3},
    "novelty": _fraction(),
    "coverage": _fraction(),
    "flags": _text(256),
    "engine": _text(64),
    "energy": _NUMBER | {"units": "keV", "precision": 4},
    "energy_source": _text(256),
    "latency_queue": _NUMBER | {"units": "ms", "precision": 2},
    "latency_compute": _NUMBER | {"units": "ms", "precision": 2},
    "latency_total": _NUMBER | {"units": "ms", "precision": 2},
}
HINTED = ["crystal_system_probability", "space_group_number", "lattice_a", "lattice_b", "lattice_c"]


def answer_keys(model: str) -> dict[str, dict[str, Any]]:
    """Data keys of a prediction; `model` is named as the source of what a network said."""
    identity = {key: value | {"source": "raw event"} for key, value in _IDENTITY.items()}
    answer = {key: value | {"source": f"alphadiffract:{model}"} for key, value in _ANSWER.items()}
    keys = identity | answer
    return {key: {"object_name": STREAM, **value} for key, value in keys.items()}


def carried_keys(raw_data_keys: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Raw scalar → the key it is published under: ``raw_`` and its name, no '.', no '/'."""
    names: dict[str, str] = {}
    taken = {*_IDENTITY, *_ANSWER}
    for raw in raw_data_keys:
        name = PREFIX + plain_key(raw)
        while name in taken:
            name += "_"
        taken.add(name)
        names[raw] = name
    return names


def carried_data_key(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Data key of a raw scalar: numbers (and booleans, as 0 and 1) as <f8, the rest as text."""
    shape = _text(256) if raw.get("dtype") == "string" else _NUMBER
    kept = {k: raw[k] for k in ("units", "precision") if raw.get(k) is not None}
    return shape | {"source": str(raw.get("source") or "raw event"), **plain(kept)}


def keys_of_values(data: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Raw data keys as far as values tell, where no descriptor was there to say them."""
    return {
        key: {"dtype": "string" if isinstance(value, str) else "number"}
        for key, value in data.items()
        if isinstance(value, str | bool | int | float)
    }
