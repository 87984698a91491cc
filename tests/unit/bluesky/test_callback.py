"""The callback: every event answered, nothing waits, nothing is raised into a plan."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Any

import event_model
import numpy as np
import pytest

from alphadiffract_stream.bluesky import AlphaDiffractCallback, EngineProcess, Predictor
from alphadiffract_stream.errors import ConfigurationError
from tests.detector import SIDE, frames, write_poni
from tests.raw_runs import data_key, raw_run


class Kept:
    def __init__(self) -> None:
        self.documents: list[tuple[str, dict[str, Any]]] = []
        self.threads: set[str] = set()

    def __call__(self, name: str, document: dict[str, Any]) -> None:
        self.documents.append((name, document))
        self.threads.add(threading.current_thread().name)

    def of(self, name: str) -> list[dict[str, Any]]:
        return [document for kind, document in self.documents if kind == name]


def feed(callback: AlphaDiffractCallback, documents: list[tuple[str, dict[str, Any]]]) -> None:
    for name, document in documents:
        callback(name, document)


def test_a_run_is_answered_by_the_time_its_stop_document_is_taken(predictor: Predictor):
    kept = Kept()
    with AlphaDiffractCallback(kept, predictor=predictor) as callback:
        documents = raw_run(5)
        feed(callback, documents)
        assert [e["seq_num"] for e in kept.of("event")] == [1, 2, 3, 4, 5]
        assert [n for n, _ in kept.documents] == ["start", "descriptor", *["event"] * 5, "stop"]
        assert kept.of("start")[0]["parents"] == [documents[0][1]["uid"]]
        assert kept.of("stop")[0]["predicted"] == 5
        assert len({e["data"]["lattice_a"] for e in kept.of("event")}) == 5
        for name, document in kept.documents:
            event_model.schema_validators[event_model.DocumentNames[name]].validate(document)
        assert all(name.startswith("alphadiffract-publish") for name in kept.threads)
        assert (callback.errors, callback.overflowed, callback.publish_errors) == (0, 0, 0)
        latest = callback.answers.latest
        assert latest is not None
        assert latest["raw_seq_num"] == 5


def test_a_run_without_patterns_holds_up_nothing(predictor: Predictor):
    with AlphaDiffractCallback(predictor=predictor, drain_timeout=30) as callback:
        documents = [d for d in raw_run(0) if d[0] != "descriptor"]
        feed(callback, documents)
        assert callback.wait(0)


def test_a_detector_may_fill_its_buffer_again(predictor: Predictor):
    kept = Kept()
    with AlphaDiffractCallback(kept, predictor=predictor) as callback:
        documents = raw_run(3)
        buffer = np.zeros(200)
        release = threading.Event()
        predictor.loop.call_soon_threadsafe(release.wait, 5)
        for name, document in documents:
            if name == "event":
                buffer[:] = document["data"]["det_intensity"]
                document = {**document, "data": {**document["data"], "det_intensity": buffer}}
            if name == "stop":
                buffer[:] = 0
                release.set()
            callback(name, document)
        assert kept.of("stop")[0]["predicted"] == 3
        assert len({e["data"]["lattice_a"] for e in kept.of("event")}) == 3


def test_more_than_can_wait_is_refused_and_counted(predictor: Predictor):
    kept = Kept()
    release = threading.Event()
    with AlphaDiffractCallback(kept, predictor=predictor, queue_size=4) as callback:
        documents = raw_run(8)
        predictor.loop.call_soon_threadsafe(release.wait, 5)
        time.sleep(0.05)
        for name, document in documents:
            if name == "stop":
                release.set()
            callback(name, document)
        # Start, descriptor and two events fill the queue; six events find it full.
        assert callback.overflowed == 6
        statuses = [e["data"]["status"] for e in kept.of("event")]
        assert statuses == ["ok"] * 2 + ["refused"] * 6
        assert (
            "queue: full, 4 documents or 512 MiB may wait" in kept.of("event")[-1]["data"]["reason"]
        )
        assert kept.of("event")[-1]["data"]["raw_temperature"] == 307
        stop = kept.of("stop")[0]
        assert (stop["received"], stop["predicted"], stop["refused"]) == (8, 2, 6)


def test_large_arrays_fill_the_queue_by_their_size(predictor: Predictor):
    release = threading.Event()
    with AlphaDiffractCallback(predictor=predictor, queue_mib=1) as callback:
        image = np.zeros((300, 300))
        keys = {"image": {"dtype": "array", "shape": [300, 300], "source": "x"}}
        predictor.loop.call_soon_threadsafe(release.wait, 5)
        time.sleep(0.05)
        for name, document in raw_run(3, data_keys=keys, data={"image": image}):
            if name == "stop":
                release.set()
            callback(name, document)
        assert callback.overflowed == 2


def test_whoever_raises_is_counted_and_the_others_are_served(predictor: Predictor):
    kept = Kept()

    def broken(name: str, document: dict[str, Any]) -> None:
        raise RuntimeError("no data base")

    with AlphaDiffractCallback([broken, kept], predictor=predictor) as callback:
        feed(callback, raw_run(2))
        assert callback.publish_errors == 5
        assert len(kept.documents) == 5


def test_the_end_of_a_run_waits_no_longer_than_it_may(predictor: Predictor):
    release = threading.Event()

    def slow(name: str, document: dict[str, Any]) -> None:
        release.wait(10)

    with AlphaDiffractCallback(slow, predictor=predictor, drain_timeout=0.05) as callback:
        feed(callback, raw_run(2))
        assert not callback.wait(0)
        release.set()
        assert callback.wait(10)


def test_nothing_is_raised_into_a_plan(predictor: Predictor):
    callback = AlphaDiffractCallback(predictor=predictor)
    callback("event", {})
    callback("nonsense", {"a": 1})
    callback("start", {})
    assert callback.errors == 1
    callback.close()
    callback("start", {"uid": "x", "time": 1.0})
    assert callback.errors == 2
    callback.close()


@pytest.mark.parametrize("deaths", [1, 9])
def test_the_account_is_whole_when_the_engine_dies(engine: str, deaths: int):
    """Once: the patterns are tried again. For good: they are answered ``failed``."""
    kept = Kept()
    with AlphaDiffractCallback(kept, engine=engine, drain_timeout=60) as callback:
        process = callback.predictor.engine
        assert isinstance(process, EngineProcess)
        for number, (name, document) in enumerate(raw_run(6)):
            if name == "event" and number - 2 < deaths:
                assert callback._until(lambda n=number: len(kept.of("event")) == n - 2, 30)
                if (pid := process.pid) is not None:
                    os.kill(pid, signal.SIGKILL)
                if deaths > 1:
                    process._starts.extend([time.monotonic()] * 3)
            callback(name, document)
            while name == "event" and len(kept.of("event")) < number - 1:
                time.sleep(0.005)
        stop = kept.of("stop")[0]
        assert stop["received"] == 6
        assert (stop["predicted"], stop["failed"]) == ((6, 0) if deaths == 1 else (0, 6))
        assert [e["seq_num"] for e in kept.of("event")] == [1, 2, 3, 4, 5, 6]
        if deaths > 1:
            assert "its process ended" in kept.of("event")[-1]["data"]["reason"]


def test_close_answers_what_was_taken(predictor: Predictor):
    kept = Kept()
    callback = AlphaDiffractCallback(kept, predictor=predictor)
    feed(callback, raw_run(4)[:-1])
    callback.close()
    assert len(kept.of("event")) == 4
    assert kept.of("stop")[0]["exit_status"] == "fail"
    assert kept.of("stop")[0]["predicted"] == 4


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"queue_size": 0}, "queue_size=0"),
        ({"energy_kev": 20.0, "wavelength": 1.0}, "one of them"),
        ({"keys": {"colour": "red"}}, "known are intensity"),
        ({"background": "magic"}, "background"),
    ],
)
def test_settings_that_make_no_sense_are_refused_at_once(predictor, options, said):
    with pytest.raises(ConfigurationError, match=said):
        AlphaDiffractCallback(predictor=predictor, **options)


def test_keys_and_energy_of_the_operator_are_used(predictor: Predictor):
    kept = Kept()
    named = {"intensity": "det_intensity", "axis": "det_two_theta"}
    with AlphaDiffractCallback(kept, predictor=predictor, keys=named, energy_kev=20) as callback:
        documents = raw_run(1)
        configuration = documents[1][1]["configuration"]["det"]
        for part in ("data", "data_keys", "timestamps"):
            configuration[part].pop("det_energy")
        feed(callback, documents)
        (event,) = kept.of("event")
        assert event["data"]["status"] != "refused", event["data"]["reason"]
        assert event["data"]["energy_source"] == "operator"


def test_frames_are_integrated_by_the_operators_calibration(predictor: Predictor, tmp_path):
    poni = write_poni(tmp_path / "detector.poni")
    kept = Kept()
    image = {"det_image": data_key("array", shape=[SIDE, SIDE])}
    documents = raw_run(2, data_keys=image, config={}, data={"det_image": frames(1)[0]})
    documents[1][1]["data_keys"].pop("det_intensity")

    with AlphaDiffractCallback(
        kept, predictor=predictor, poni=poni, integration={"npt": 700}
    ) as callback:
        feed(callback, documents)

    assert [e["data"]["status"] for e in kept.of("event")] == ["ok", "ok"]
    assert kept.of("event")[0]["data"]["energy_source"] == "poni: detector.poni"


def test_a_calibration_that_cannot_be_used_is_refused_at_once(predictor: Predictor, tmp_path):
    with pytest.raises(ConfigurationError, match=r"none\.poni"):
        AlphaDiffractCallback(predictor=predictor, poni=tmp_path / "none.poni")
