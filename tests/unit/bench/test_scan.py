from __future__ import annotations

from time import time

import numpy as np
import pytest
from event_model import DocumentNames, schema_validators

from alphadiffract_stream.bench._experiment import Answered, waits
from alphadiffract_stream.bench._scan import ENERGY, Scan, frames
from alphadiffract_stream.grid import to_grid
from alphadiffract_stream.sources import PatternReceived, RunStarted, RunStopped
from alphadiffract_stream.sources._assembler import Assembler, PatternKeys
from alphadiffract_stream.wire import decode_message


def documents() -> list[tuple[str, dict]]:
    scan = Scan(*frames(1000, seed=1))
    messages = [*scan.opening(), scan.event(1), scan.event(2), scan.stop()]
    return [decode_message(message)[1:] for message in messages]


def test_its_documents_are_bluesky_documents():
    for name, document in documents():
        plain = dict(document)
        if name == "event":
            plain["data"] = {k: np.asarray(v).tolist() for k, v in document["data"].items()}
        if name == "descriptor":
            detector = plain["configuration"]["detector"]
            detector["data"]["detector_two_theta"] = [0.0]
        schema_validators[DocumentNames[name]].validate(plain)


def test_each_event_has_a_uid_number_and_time_of_its_own_and_the_stop_counts_them():
    _, _, (_, first), (_, second), (_, stop) = documents()
    assert (first["seq_num"], second["seq_num"]) == (1, 2)
    assert first["uid"] != second["uid"]
    assert first["time"] == pytest.approx(time(), abs=60)
    assert set(first["timestamps"].values()) == {first["time"]}
    assert not np.array_equal(*(e["data"]["detector_intensity"] for e in (first, second)))
    assert stop["num_events"] == {"primary": 2}


def test_the_service_reads_patterns_of_known_energy_in_them():
    assembler = Assembler(PatternKeys(), "bench", "memory", None)
    messages = [m for name, document in documents() for m in assembler.feed(name, document)]
    assert [type(m) for m in messages] == [
        *(RunStarted, PatternReceived, PatternReceived, RunStopped)
    ]
    for message in messages[1:3]:
        assert message.pattern.energy == ENERGY
        assert to_grid(message.pattern).coverage == 1.0


def test_frames_differ_and_a_seed_repeats_them():
    _, first = frames(500, seed=3)
    _, again = frames(500, seed=3)
    assert np.array_equal(first, again)
    assert len(np.unique(first, axis=0)) == len(first)


def test_events_are_due_at_the_rate_asked_for():
    assert waits(100.0, 3, at_random=False, seed=0) == [0.01] * 3
    random = waits(100.0, 20_000, at_random=True, seed=0)
    assert np.mean(random) == np.clip(np.mean(random), 0.0095, 0.0105)
    assert np.std(random) == np.clip(np.std(random), 0.009, 0.011), "exponential"


def test_what_is_not_answered_is_counted():
    answered = Answered(sent={1: 0.0, 2: 0.0, 3: 0.0}, data={1: {"status": "ok"}})
    answered.data[2] = {"status": "refused"}
    assert (answered.unanswered, answered.not_predicted) == (1, 1)
