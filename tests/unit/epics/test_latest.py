"""What the PVs show of a stream of documents."""

from __future__ import annotations

import math

import pytest

from alphadiffract_stream.documents import Account, PredictionRun
from alphadiffract_stream.epics import PVS, Severity
from alphadiffract_stream.epics._latest import Latest
from alphadiffract_stream.prediction import Status
from tests.predictions import ARAGONITE, CARD, origin, predicted, refused


def run(uid: str = "raw-run", **start) -> PredictionRun:
    return PredictionRun({"uid": uid, "scan_id": 3, "sample_name": "lime", **start}, CARD, "onnx")


def shown(latest: Latest, documents) -> dict:
    readings: dict = {}
    for name, document in documents:
        readings |= latest.take(name, document)
    return readings


def values(readings) -> dict:
    return {attribute: reading.value for attribute, reading in readings.items()}


def test_an_answer_is_shown_with_the_time_of_its_raw_event():
    one = run()
    readings = shown(Latest(), [one.start(), *one.event(predicted())])
    assert set(readings) == {pv.attribute for pv in PVS}
    assert list(readings)[-1] == "raw_seq_num"
    said = values(readings)
    assert said["status"] == 1
    assert said["crystal_system"] == 3
    assert said["lattice_a"] == ARAGONITE[0]
    assert said["space_group_numbers"] == [62, 61, 19, 33, 14]
    assert said["space_group_table"][1]["symbol"] == "P b c a"
    assert said["raw_run_uid"] == "raw-run"
    assert said["run_uid"] == one.uid
    assert (said["scan_id"], said["sample_name"], said["model"]) == (3, "lime", "compact 1.2")
    answer = [pv.attribute for pv in PVS if pv.follows_status]
    assert {readings[name].timestamp for name in answer} == {12.5}
    assert {readings[name].severity for name in answer} == {Severity.NO_ALARM}


@pytest.mark.parametrize(
    ("status", "severity"),
    [
        (Status.OK, Severity.NO_ALARM),
        (Status.LOW_CONFIDENCE, Severity.MINOR),
        (Status.OUT_OF_DOMAIN, Severity.MINOR),
        (Status.REFUSED, Severity.MAJOR),
        (Status.FAILED, Severity.MAJOR),
    ],
)
def test_the_alarm_is_what_the_answer_is_worth(status, severity):
    one = run()
    answer = predicted(status=status, reason="because")
    readings = shown(Latest(), [one.start(), *one.event(answer)])
    for pv in PVS:
        expected = severity if pv.follows_status else Severity.NO_ALARM
        if pv.attribute not in ("refused", "failed"):
            assert readings[pv.attribute].severity is expected, pv.attribute
    assert readings["lattice_a"].message == ("" if status is Status.OK else "because")


def test_a_refusal_takes_the_last_answer_away():
    one = run()
    documents = [one.start(), *one.event(predicted()), *one.event(refused(origin(2), "no energy"))]
    readings = shown(Latest(), documents)
    assert math.isnan(readings["lattice_a"].value)
    assert readings["crystal_system"].value == 0
    assert readings["space_group_table"].value == []
    assert readings["reason"].value == "no energy"
    assert readings["raw_seq_num"].value == 2
    counts = [readings[name].value for name in ("received", "predicted", "refused", "failed")]
    assert counts == [2, 1, 1, 0]
    assert readings["refused"].severity is Severity.MINOR


def test_the_end_of_a_run_gives_its_account():
    one, latest = run(), Latest()
    shown(latest, [one.start(), *one.event(predicted())])
    account = Account(received=5, predicted=3, refused=1, failed=1, missing=2)
    readings = shown(latest, one.stop(account))
    assert values(readings) == {
        "received": 5,
        "predicted": 3,
        "refused": 1,
        "failed": 1,
        "missing": 2,
        "run_active": 0,
    }
    assert readings["failed"].severity is Severity.MAJOR
    assert readings["missing"].message == "2 missing"


def test_of_two_open_runs_the_one_answered_last_is_shown():
    first, second, latest = run("first"), run("second", scan_id=4), Latest()
    documents = [first.start(), *first.event(predicted()), second.start()]
    assert shown(latest, documents)["received"].value == 0
    readings = shown(latest, first.event(predicted(origin(2))))
    assert (readings["scan_id"].value, readings["received"].value) == (3, 2)
    assert shown(latest, second.stop(Account())) == {}
    assert shown(latest, first.stop(Account()))["run_active"].value == 0


def test_an_event_whose_run_was_not_seen_to_start_is_shown_too():
    one = run()
    (_, _), (_, event) = one.event(predicted())
    readings = shown(Latest(), [("event", event)])
    assert readings["lattice_a"].value == ARAGONITE[0]
    assert readings["received"].value == 1


def test_what_the_raw_run_says_oddly_does_no_harm():
    one = run(scan_id=2**40, sample_name=None, sample={"name": "lime"})
    answer = predicted(origin(2**40, time=None))
    readings = shown(Latest(), [one.start(), *one.event(answer)])
    assert readings["scan_id"].value == readings["raw_seq_num"].value == 2**31 - 1
    assert readings["sample_name"].value == "lime"
    assert readings["lattice_a"].timestamp > 1e9
