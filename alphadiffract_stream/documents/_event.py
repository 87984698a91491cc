"""The event document's data: one prediction as scalars and short arrays of fixed length."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..pattern import Origin
from ..prediction import Prediction
from ._descriptor import CELL, REASON_LENGTH, TOP

NAN = math.nan


def answer_data(
    prediction: Prediction, seq_num: int, energy: float | None, energy_source: str
) -> dict[str, Any]:
    """Values for `answer_keys`. What is unknown is NaN, an empty string, 0 or (space group) 0."""
    return {
        **_identity(prediction.origin, seq_num),
        "status": str(prediction.status),
        "reason": _short(prediction.reason, REASON_LENGTH),
        "crystal_system": prediction.crystal_system,
        "crystal_system_probability": float(prediction.crystal_system_probability),
        "crystal_system_std": float(prediction.crystal_system_std),
        "crystal_system_probabilities": [float(p) for p in prediction.crystal_system_probabilities],
        **_space_groups(prediction),
        **_cell("lattice_{}", prediction.lattice),
        **_cell("lattice_{}_std", prediction.lattice_std),
        **_cell("conventional_{}", prediction.conventional),
        "conventional_misfit": float(prediction.conventional_misfit),
        "consistency": float(prediction.consistency),
        "entropy": float(prediction.entropy),
        "novelty": float(prediction.novelty),
        "coverage": float(prediction.coverage),
        "flags": ",".join(prediction.flags),
        "engine": prediction.engine,
        "energy": NAN if energy is None else float(energy),
        "energy_source": energy_source,
        "latency_queue": float(prediction.latency.queue),
        "latency_compute": float(prediction.latency.compute),
        "latency_total": float(prediction.latency.total),
    }


def carried_data(
    data: Mapping[str, Any], names: Mapping[str, str], data_keys: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """The raw event's scalars under their published names; what is absent is NaN or ''."""
    carried: dict[str, Any] = {}
    for raw, name in names.items():
        value = data.get(raw)
        if data_keys[name]["dtype"] == "string":
            carried[name] = "" if value is None else str(value)
        else:
            carried[name] = _number(value)
    return carried


def _number(value: Any) -> float:
    try:
        return float(value) if isinstance(value, bool | int | float) else NAN
    except OverflowError:  # an integer beyond 1e308
        return NAN


def _identity(origin: Origin, seq_num: int) -> dict[str, Any]:
    return {
        "raw_run_uid": origin.run_uid or "",
        "raw_descriptor_uid": origin.descriptor_uid or "",
        "raw_event_uid": origin.event_uid or "",
        "raw_seq_num": seq_num if origin.seq_num is None else int(origin.seq_num),
        "raw_time": NAN if origin.time is None else float(origin.time),
    }


def _space_groups(prediction: Prediction) -> dict[str, Any]:
    groups = prediction.space_groups[:TOP]
    empty = TOP - len(groups)
    numbers = [int(g.number) for g in groups] + [0] * empty
    symbols = [g.symbol for g in groups] + [""] * empty
    probabilities = [float(g.probability) for g in groups] + [0.0] * empty
    stds = [float(g.std) for g in groups] + [0.0] * empty
    return {
        "space_group_number": numbers[0],
        "space_group_symbol": symbols[0],
        "space_group_probability": probabilities[0],
        "space_group_std": stds[0],
        "space_group_numbers": numbers,
        "space_group_symbols": symbols,
        "space_group_probabilities": probabilities,
        "space_group_stds": stds,
    }


def _cell(name: str, values: tuple[float, ...]) -> dict[str, float]:
    return {name.format(edge): float(v) for edge, v in zip(CELL, values, strict=True)}


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
