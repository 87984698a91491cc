"""Every document is valid, and says what ARCHITECTURE and docs/reference/documents.md say."""

import json
import math
import pickle
import re
from pathlib import Path

import msgpack
import msgpack_numpy
import numpy as np
import orjson
import pytest
from event_model import DocumentNames, RunRouter, schema_validators
from hypothesis import given, settings
from hypothesis import strategies as st

from alphadiffract_stream.documents import STREAM, Account, PredictionRun
from alphadiffract_stream.documents._descriptor import answer_keys
from alphadiffract_stream.wire import Serializer, encode_message
from tests.predictions import ARAGONITE, CARD, origin, predicted, refused

RAW_START = {
    "uid": "raw-run",
    "time": 1.0,
    "scan_id": 42,
    "plan_name": "scan",
    "sample_name": "CaCO3",
    "sample": {"name": "CaCO3", "mass / mg": 3.5, "history": {"v1.0": [1, 2]}},
    "proposal": {"number": 7},
    "data_groups": ["beamline"],
    "tiled_access_tags": ["proposal-7"],
    "plan_args": {"detectors": ["det"]},
}
METADATA = {
    "data": {"temperature": 300, "shutter": True, "mode": "fast"},
    "timestamps": {"temperature": 2.5},
}
DOCUMENTATION = Path(__file__).resolve().parents[3] / "docs" / "reference" / "documents.md"


def prediction_run(start=RAW_START, **options) -> PredictionRun:
    return PredictionRun(start, CARD, "onnx", "9.8.7", **options)


def validated(documents):
    for name, document in documents:
        schema_validators[DocumentNames[name]].validate(document)
    return documents


def test_the_start_says_what_was_analysed_and_by_what():
    ((name, start),) = validated(
        [prediction_run(energy=20.0, energy_source="start: energy").start()]
    )

    assert name == "start"
    del start["uid"], start["time"]
    assert start == {
        "purpose": "analysis",
        "analysis": "alphadiffract",
        "parents": ["raw-run"],
        "plan_name": "alphadiffract",
        "plan_type": "analysis",
        "scan_id": 42,
        "raw_plan_name": "scan",
        "raw_time": 1.0,
        "sample_name": "CaCO3",
        "sample": {"name": "CaCO3", "mass _ mg": 3.5, "history": {"v1_0": [1, 2]}},
        "proposal": {"number": 7},
        "data_groups": ["beamline"],
        "tiled_access_tags": ["proposal-7"],
        "model": {
            "name": "compact",
            "version": "1.2",
            "sha256": "0" * 64,
            "training_set": "a few structures",
        },
        "engine": "onnx",
        "software": {"name": "alphadiffract-stream", "version": "9.8.7"},
        "energy_kev": 20.0,
        "energy_source": "start: energy",
    }


def test_a_raw_start_with_hardly_anything_is_enough():
    ((_, start),) = validated([prediction_run({"uid": "x", "start_missing": True}).start()])

    assert start["scan_id"] == 0
    assert start["raw_start_missing"] is True
    assert "energy_kev" not in start


@pytest.mark.parametrize(
    "strange",
    [
        {"sample": ["a", "b"]},
        {"sample": np.arange(3)},
        {"sample": None},
        {"scan_id": "seven"},
        {"scan_id": True},
        {"data_groups": "not a list"},
        {"data_groups": [1, 2]},
        {"owner": 3},
        {"project": {"a": 1}},
        {"sample_temperature": np.float32(3)},
        {"sample_x": {"a": {"b": {1, 2}}}},
        {"sample_path": Path("/tmp")},
    ],
)
def test_strange_metadata_of_others_still_makes_a_valid_start(strange):
    ((_, start),) = validated([prediction_run({**RAW_START, **strange}).start()])

    orjson.dumps(start)
    msgpack.packb(start)


def test_the_descriptor_comes_once_before_the_first_event():
    run = prediction_run()

    first = validated(run.event(predicted(), METADATA))
    second = validated(run.event(predicted(origin(2)), METADATA))

    assert [name for name, _ in first] == ["descriptor", "event"]
    assert [name for name, _ in second] == ["event"]
    descriptor = first[0][1]
    assert descriptor["name"] == STREAM
    assert set(descriptor["object_keys"][STREAM]) == set(descriptor["data_keys"])
    for name, key in descriptor["data_keys"].items():
        assert {"source", "dtype", "dtype_numpy", "shape"} <= set(key), name
        assert not set("./") & set(name)
    assert set(descriptor["hints"][STREAM]["fields"]) <= set(descriptor["data_keys"])


def test_values_are_what_their_data_keys_say():
    run = prediction_run()
    kinds = {"number": float, "integer": int, "string": str, "array": list}
    for prediction in (predicted(), refused(origin(2)), predicted(space_groups=())):
        (*_, (_, event)) = documents = run.event(prediction, METADATA)
        if documents[0][0] == "descriptor":
            keys = documents[0][1]["data_keys"]
        assert set(event["data"]) == set(event["timestamps"]) == set(keys)
        for name, value in event["data"].items():
            key = keys[name]
            assert type(value) is kinds[key["dtype"]], name
            array = np.array(value, dtype=key["dtype_numpy"])
            assert list(array.shape) == key["shape"], name
            if key["dtype"] == "string" or name.endswith("symbols"):
                assert np.array_equal(array, np.array(value)), f"{name} was cut short"


def test_an_event_says_everything_about_its_prediction():
    *_, (_, event) = prediction_run().event(
        predicted(), METADATA, energy=20.0, energy_source="event: energy"
    )
    data = event["data"]

    assert event["seq_num"] == 1
    assert (data["raw_run_uid"], data["raw_descriptor_uid"]) == ("raw-run", "raw-descriptor")
    assert (data["raw_event_uid"], data["raw_seq_num"], data["raw_time"]) == ("raw-event", 1, 12.5)
    assert (data["status"], data["reason"]) == ("ok", "")
    assert data["crystal_system"] == "orthorhombic"
    assert data["crystal_system_probability"] == 0.93
    assert data["crystal_system_std"] == 0.02
    assert data["crystal_system_probabilities"][2] == 0.93
    assert (data["space_group_number"], data["space_group_symbol"]) == (62, "P n m a")
    assert data["space_group_numbers"] == [62, 61, 19, 33, 14]
    assert data["space_group_symbols"][1] == "P b c a"
    assert data["space_group_probabilities"] == pytest.approx([0.5, 0.25, 0.5 / 3, 0.125, 0.1])
    assert data["space_group_stds"] == [0.01] * 5
    edges = ("a", "b", "c", "alpha", "beta", "gamma")
    assert tuple(data[f"lattice_{e}"] for e in edges) == ARAGONITE
    assert tuple(data[f"conventional_{e}"] for e in edges) == ARAGONITE
    assert [data[f"lattice_{e}_std"] for e in edges] == [0.012, 0.02, 0.3, 0.4, 0.5, 0.6]
    assert (data["consistency"], data["entropy"], data["novelty"]) == (0.9, 1.2, 0.4)
    assert (data["coverage"], data["conventional_misfit"]) == (0.98, 0.001)
    assert data["flags"] == "descending_axis,negative_counts"
    assert (data["engine"], data["energy"], data["energy_source"]) == (
        "onnx",
        20.0,
        "event: energy",
    )
    latencies = [data[f"latency_{part}"] for part in ("queue", "compute", "total")]
    assert latencies == [0.5, 3.0, 4.0]
    assert (data["raw_temperature"], data["raw_shutter"], data["raw_mode"]) == (300.0, 1.0, "fast")
    assert event["timestamps"]["raw_temperature"] == 2.5


def test_a_refusal_is_an_event_with_the_reason():
    reason = "axis: " + "x" * 1000
    documents = validated(prediction_run().event(refused(reason=reason)))
    data = documents[-1][1]["data"]

    assert data["status"] == "refused"
    assert data["reason"].startswith("axis: xxx")
    assert len(data["reason"]) == 500
    assert math.isnan(data["lattice_a"])
    assert data["space_group_numbers"] == [0] * 5
    assert data["space_group_symbols"] == [""] * 5


def test_the_raw_seq_num_is_kept_where_there_are_gaps():
    run = prediction_run()
    numbers = [run.event(predicted(origin(n)))[-1][1]["seq_num"] for n in (2, 3, 7, 5)]
    ((_, stop),) = validated(run.stop(Account(received=4, predicted=4)))

    assert numbers == [2, 3, 7, 5]
    assert stop["num_events"] == {STREAM: 4}


def test_events_without_a_raw_seq_num_take_the_next():
    run = prediction_run()
    numbers = [run.event(predicted(origin(n)))[-1][1]["seq_num"] for n in (None, None, 7, None)]

    assert numbers == [1, 2, 7, 8]


def test_the_stop_holds_the_account():
    run = prediction_run()
    account = Account(9, 5, 3, 1, 2, (4, 6))
    ((name, stop),) = validated(run.stop(account, "abort", "beam lost"))

    assert name == "stop"
    assert stop["run_start"] == run.uid
    assert (stop["exit_status"], stop["reason"]) == ("abort", "beam lost")
    counts = {k: stop[k] for k in ("received", "predicted", "refused", "failed", "missing")}
    assert list(counts.values()) == [9, 5, 3, 1, 2]
    assert stop["missing_seq_nums"] == [4, 6]
    assert stop["num_events"] == {}


def test_an_unknown_exit_status_counts_as_failed():
    ((_, stop),) = validated(prediction_run().stop(Account(), "exploded"))

    assert stop["exit_status"] == "fail"


def test_data_keys_of_the_raw_run_say_what_is_carried_along():
    raw = {
        "temperature": {"dtype": "number", "shape": [], "units": "K", "source": "PV:T"},
        "seq.num": {"dtype": "integer"},
        "seq_num": {"dtype": "integer"},
        "mode": {"dtype": "string"},
    }
    run = prediction_run(raw_data_keys=raw)
    (_, descriptor), (_, refusal) = validated(run.event(refused(), {}))
    ((_, event),) = run.event(predicted(origin(2)), {"data": {"temperature": 1, "more": 2}})

    assert descriptor["data_keys"]["raw_temperature"]["units"] == "K"
    assert descriptor["data_keys"]["raw_temperature"]["source"] == "PV:T"
    assert {"raw_seq_num", "raw_seq_num_", "raw_seq_num__"} <= set(descriptor["data_keys"])
    assert math.isnan(refusal["data"]["raw_temperature"])
    assert refusal["data"]["raw_mode"] == ""
    assert event["data"]["raw_temperature"] == 1.0
    assert "raw_more" not in event["data"]


@settings(deadline=None)
@given(
    st.dictionaries(
        st.text(), st.floats() | st.integers() | st.text() | st.booleans() | st.none(), max_size=6
    )
)
def test_whatever_the_raw_event_holds_the_documents_are_valid(data):
    run = prediction_run()
    documents = validated(
        [run.start(), *run.event(predicted(), {"data": data}), *run.stop(Account())]
    )

    for _, document in documents:
        orjson.dumps(document)
        msgpack.packb(document)


def test_a_run_router_takes_the_run_whole():
    taken = []
    router = RunRouter([lambda name, doc: ([lambda *document: taken.append(document)], [])])
    run = prediction_run()
    for name, document in (run.start(), *run.event(predicted()), *run.stop(Account(1, 1))):
        router(name, dict(document))

    assert [name for name, _ in taken] == ["start", "descriptor", "event_page", "stop"]


def test_every_key_is_in_the_reference_and_no_other():
    table = (
        DOCUMENTATION.read_text(encoding="utf-8").partition("## Event")[2].partition("## Stop")[0]
    )
    first_cells = re.findall(r"^\| (`[^|]*) \|", table, re.MULTILINE)
    documented = {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)}

    assert documented - {"raw_NAME"} == set(answer_keys("model"))


@pytest.mark.parametrize(
    ("serializer", "deserializer"),
    [
        (Serializer.MSGPACK, msgpack.unpackb),
        (Serializer.MSGPACK, msgpack_numpy.unpackb),
        (Serializer.JSON, json.loads),
        (Serializer.PICKLE, pickle.loads),
    ],
)
def test_deserializers_of_bluesky_users_read_our_documents(serializer, deserializer):
    run = prediction_run()
    sent = [run.start(), *run.event(predicted(), METADATA, energy=20.0), *run.stop(Account(1, 1))]

    for name, document in sent:
        payload = encode_message(name, document, serializer, b"alphadiffract").split(b" ", 2)[2]
        assert deserializer(payload) == document
