"""The one table of PVs; servers, device classes, the operator screen and the page follow it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..crystal import CRYSTAL_SYSTEMS
from ..documents import CELL, answer_keys
from ..prediction import Status
from ._pv import Kind, Pv

UNKNOWN = "unknown"
"""Choice 0 of the crystal system, where nothing was predicted."""
NONE = "none"
"""Choice 0 of the status, before the first answer."""
TABLE_COLUMNS = {
    "number": ("space_group_numbers", "i"),
    "symbol": ("space_group_symbols", "s"),
    "probability": ("space_group_probabilities", "d"),
    "std": ("space_group_stds", "d"),
}
"""Columns of the table of space groups: data key and PV Access type."""
COUNTS = ("received", "predicted", "refused", "failed", "missing")

_KEYS = answer_keys("")
_KINDS = {"number": Kind.DOUBLE, "integer": Kind.LONG, "string": Kind.TEXT}
_ARRAYS = {"f": Kind.DOUBLES, "i": Kind.LONGS, "U": Kind.TEXTS}
_UNITS = {"angstrom": "Angstrom"}
_EDGES = dict(zip(CELL, ("a", "b", "c", "α", "β", "γ"), strict=True))


def _of_key(key: str, description: str, *, follows: bool = True, **more: Any) -> Pv:
    """PV of a data key of the prediction's event, with that key's type, unit and size."""
    said = _KEYS[key]
    if said["dtype"] == "array":
        kind, size = _ARRAYS[said["dtype_numpy"][1]], said["shape"][0]
    else:
        kind = _KINDS[said["dtype"]]
        size = int(said["dtype_numpy"][2:]) if kind is Kind.TEXT else 1
    units = _UNITS.get(said.get("units", ""), said.get("units", ""))
    fields = {"kind": kind, "size": size, "units": units, "precision": said.get("precision", 0)}
    return Pv(key, description=description, follows_status=follows, **{**fields, **more})


def _fraction(key: str, description: str) -> Pv:
    return _of_key(key, description, low=0.0, high=1.0)


def _cells() -> Iterator[Pv]:
    for edge, letter in _EDGES.items():
        high = _highest(edge)
        yield _of_key(f"lattice_{edge}", f"Niggli-reduced cell, {letter}", high=high)
    for edge, letter in _EDGES.items():
        yield _of_key(f"lattice_{edge}_std", f"Standard deviation of {letter}")
    for edge, letter in _EDGES.items():
        high = _highest(edge)
        yield _of_key(f"conventional_{edge}", f"Conventional cell, {letter}", high=high)


def _highest(edge: str) -> float:
    return 50.0 if edge in ("a", "b", "c") else 180.0


PVS: tuple[Pv, ...] = (
    Pv(
        "status",
        Kind.CHOICE,
        "How far the answer can be used",
        choices=(NONE, *Status),
        follows_status=True,
    ),
    _of_key("reason", "Why the status is not ok"),
    Pv(
        "crystal_system",
        Kind.CHOICE,
        "Most probable crystal system",
        choices=(UNKNOWN, *CRYSTAL_SYSTEMS),
        follows_status=True,
    ),
    _fraction("crystal_system_probability", "Probability of that crystal system"),
    _fraction("crystal_system_std", "Standard deviation of that probability over the ensemble"),
    _fraction("crystal_system_probabilities", "Probabilities, triclinic … cubic"),
    _of_key("space_group_number", "Most probable space group; 0: none", low=0, high=230),
    _of_key("space_group_symbol", "Its Hermann–Mauguin symbol"),
    _fraction("space_group_probability", "Probability of that space group"),
    _fraction("space_group_std", "Standard deviation of that probability over the ensemble"),
    _of_key("space_group_numbers", "The five most probable space groups; 0: none"),
    _of_key("space_group_symbols", "Their Hermann–Mauguin symbols"),
    _fraction("space_group_probabilities", "Their probabilities"),
    _fraction("space_group_stds", "Standard deviations of their probabilities"),
    Pv(
        "space_group_table",
        Kind.TABLE,
        "The five most probable space groups: number, symbol, probability, std",
        follows_status=True,
    ),
    *_cells(),
    _of_key("conventional_misfit", "Relative distance of the cell from the metric of its system"),
    _fraction("consistency", "Share of the space-group probability inside the crystal system"),
    _of_key("entropy", "Entropy of the space-group distribution", low=0.0, high=5.44),
    _of_key("novelty", "Distance from the training data; above 1 is out of domain"),
    _fraction("coverage", "Share of the network's grid that the pattern covers"),
    _of_key("flags", "Oddities of the pattern, separated by commas"),
    _of_key("energy", "Photon energy of the pattern", follows=False),
    _of_key("engine", "Engine that answered", follows=False),
    _of_key("latency_queue", "Time waited for the engine", follows=False),
    _of_key("latency_compute", "Time in the engine", follows=False),
    _of_key("latency_total", "Time from the event's arrival to its answer", follows=False),
    Pv("run_active", Kind.CHOICE, "Whether a run is open", choices=("idle", "running")),
    Pv("scan_id", Kind.LONG, "Number of the raw run's scan"),
    Pv("sample_name", Kind.TEXT, "Sample, as the raw run names it", size=256),
    Pv("model", Kind.TEXT, "Network and its version", size=256),
    Pv("run_uid", Kind.TEXT, "Unique identifier of the prediction run", size=256),
    Pv("received", Kind.LONG, "Events of this run answered; at its end: received"),
    Pv("predicted", Kind.LONG, "Events of this run predicted"),
    Pv("refused", Kind.LONG, "Events of this run refused"),
    Pv("failed", Kind.LONG, "Events of this run the engine failed on"),
    Pv("missing", Kind.LONG, "Events of this run that never came; known at its end"),
    _of_key("raw_run_uid", "Unique identifier of the raw run", follows=False),
    _of_key("raw_seq_num", "seq_num of the raw event; written last", follows=False),
)
BY_ATTRIBUTE = {pv.attribute: pv for pv in PVS}
READ = tuple(pv.attribute for pv in PVS if pv.follows_status or pv.attribute.startswith("raw_"))
"""What a device's `read` gives: the answer, and the raw event it belongs to."""
