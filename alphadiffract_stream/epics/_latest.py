"""Prediction documents in, what the PVs are to show out. Pure: knows no protocol."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..prediction import Status
from ._pv import Kind, Pv, Reading, Severity
from ._table import BY_ATTRIBUTE, COUNTS, PVS, TABLE_COLUMNS

Readings = dict[str, Reading]
"""By attribute, in the order they are to be written."""

SEVERITIES = {
    Status.OK: Severity.NO_ALARM,
    Status.LOW_CONFIDENCE: Severity.MINOR,
    Status.OUT_OF_DOMAIN: Severity.MINOR,
    Status.REFUSED: Severity.MAJOR,
    Status.FAILED: Severity.MAJOR,
}
_COUNT_SEVERITIES = {
    "refused": Severity.MINOR,
    "missing": Severity.MINOR,
    "failed": Severity.MAJOR,
}
_LARGEST = 2**31 - 1
_MOST_RUNS = 64


@dataclass(slots=True)
class _Run:
    start: Mapping[str, Any] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTS, 0))


class Latest:
    """The latest answer, and the account of the run it belongs to.

    Several runs may be open; the PVs show the one that was answered last.
    """

    def __init__(self) -> None:
        self._runs: dict[str, _Run] = {}
        self._run_of: dict[str, str] = {}
        """Run uid of a descriptor uid."""
        self._shown = ""

    def take(self, name: str, document: Mapping[str, Any]) -> Readings:
        """What one document changes."""
        match name:
            case "start":
                return self._start(document)
            case "descriptor":
                self._run_of[document["uid"]] = document["run_start"]
                return {}
            case "event":
                return self._event(document)
            case "stop":
                return self._stop(document)
        return {}

    def _start(self, document: Mapping[str, Any]) -> Readings:
        uid = document["uid"]
        self._runs[uid] = _Run(document)
        while len(self._runs) > _MOST_RUNS:
            self._forget(next(iter(self._runs)))
        return self._show(uid, float(document["time"]))

    def _event(self, document: Mapping[str, Any]) -> Readings:
        descriptor = str(document["descriptor"])
        uid = self._run_of.get(descriptor, descriptor)
        run = self._runs.setdefault(uid, _Run())
        data = document["data"]
        status = Status(data["status"])
        outcome = status.value if not status.predicted else "predicted"
        run.counts[outcome] += 1
        run.counts["received"] += 1
        time = data["raw_time"]
        time = time if math.isfinite(time) else float(document["time"])
        shown = {} if uid == self._shown else self._show(uid, float(document["time"]))
        counted = _counts(run.counts, float(document["time"]))
        return shown | counted | _answer(data, status, time)

    def _stop(self, document: Mapping[str, Any]) -> Readings:
        uid, time = document["run_start"], float(document["time"])
        run = self._runs.get(uid, _Run())
        counts = run.counts | {name: document[name] for name in COUNTS if name in document}
        self._forget(uid)
        if uid != self._shown:
            return {}
        return _counts(counts, time) | {"run_active": Reading(0, time)}

    def _show(self, uid: str, time: float) -> Readings:
        self._shown = uid
        run = self._runs[uid]
        start, model = run.start, run.start.get("model", {})
        sample = start.get("sample_name") or start.get("sample") or ""
        said = {
            "run_active": 1,
            "scan_id": _long(start.get("scan_id")),
            "sample_name": sample if isinstance(sample, str) else str(sample.get("name", "")),
            "model": f"{model.get('name', '')} {model.get('version', '')}".strip(),
            "run_uid": uid,
        }
        return {key: Reading(value, time) for key, value in said.items()} | _counts(
            run.counts, time
        )

    def _forget(self, uid: str) -> None:
        self._runs.pop(uid, None)
        self._run_of = {key: run for key, run in self._run_of.items() if run != uid}


def _counts(counts: Mapping[str, int], time: float) -> Readings:
    readings = {}
    for name in COUNTS:
        severity = _COUNT_SEVERITIES.get(name) if counts[name] else None
        message = f"{counts[name]} {name}" if severity else ""
        readings[name] = Reading(_long(counts[name]), time, severity or Severity.NO_ALARM, message)
    return readings


def _answer(data: Mapping[str, Any], status: Status, time: float) -> Readings:
    severity = SEVERITIES[status]
    message = "" if severity is Severity.NO_ALARM else data["reason"] or status.value
    readings = {}
    for pv in PVS:
        if pv.attribute == "space_group_table":
            value: object = _table(data)
        elif pv.attribute in data:
            value = _value(pv, data[pv.attribute])
        else:
            continue
        alarm = (severity, message) if pv.follows_status else (Severity.NO_ALARM, "")
        readings[pv.attribute] = Reading(value, time, *alarm)
    return readings


def _value(pv: Pv, value: Any) -> object:
    match pv.kind:
        case Kind.CHOICE:
            return pv.choices.index(value) if value in pv.choices else 0
        case Kind.LONG:
            return _long(value)
        case Kind.LONGS:
            return [_long(one) for one in value]
    return value


def _table(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    columns = {name: data[key] for name, (key, _) in TABLE_COLUMNS.items()}
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return [row for row in rows if row["number"]]


def _long(value: Any) -> int:
    return max(-_LARGEST, min(_LARGEST, int(value))) if isinstance(value, int) else 0


def undefined(attribute: str) -> Reading:
    """Before the first prediction: EPICS' own UDF, INVALID."""
    pv = BY_ATTRIBUTE[attribute]
    severity = Severity.INVALID if pv.follows_status else Severity.NO_ALARM
    return Reading(pv.initial, 0.0, severity, "UDF" if severity else "")
