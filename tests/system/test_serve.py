"""``alphadiffract-stream serve`` as a real process: frames in over 0MQ, documents out in a file."""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading

import numpy as np
import pytest
import zmq
from event_model import DocumentNames, schema_validators

from tests.serving import BOUND, POINTS, SERVE, TWO_THETA, serving
from tests.support import make_tiny_model


@pytest.fixture
def engine(tmp_path) -> str:
    return f"onnx:{make_tiny_model(tmp_path)}"


START = {"unit": "2th_deg", "axis": {"start": 2, "stop": 40}, "sample": "lime"}


def test_good_and_bad_patterns_then_sigterm(tmp_path, engine):
    out = f"jsonl:{tmp_path}/out.jsonl"
    options = ["--source", BOUND, "--sink", out, "--engine", engine, "--wavelength", "0.5"]
    with serving(tmp_path, *options) as served:
        ready = served.connect()
        assert ready["pid"] == served.process.pid
        assert ready["model"] == "tiny 0"
        served.send(b"\x80\x04K\x01.")  # a pickle
        served.send(served.header("start", **START))
        served.pattern(1)
        served.pattern(2, np.full(POINTS, 7.0))
        served.send(served.header("pattern", seq_num=3, shape=[POINTS]), b"\0" * 100)
        served.pattern(4, np.full(POINTS, np.nan))
        served.pattern(6)
        served.pattern(5)
        for seq_num in range(8, 28):
            served.pattern(seq_num)
        served.send(served.header("stop", num_events=28))
        served.wait(lambda: served.of("stop"))
        served.send(json.dumps({"version": 1, "kind": "start", "run": "raw-2", **START}).encode())
        values = np.exp(-(((TWO_THETA - 11) / 0.05) ** 2)).astype("<f4")
        second = {"version": 1, "kind": "pattern", "run": "raw-2", "shape": [POINTS]}
        for _ in range(30):
            served.send(json.dumps(second).encode(), values.tobytes())
        served.wait(lambda: len(served.of("start")) == 2)
        assert served.stop() == 0, served.log.read_text()
        documents = served.documents()
        log = served.log.read_text()

    for name, document in documents:
        schema_validators[DocumentNames[name]].validate(document)
    first, second = (doc["uid"] for name, doc in documents if name == "start")
    stops = {doc["run_start"]: doc for name, doc in documents if name == "stop"}
    events = [doc for name, doc in documents if name == "event"]

    ours = [event for event in events if event["data"]["raw_run_uid"] == "raw-1"]
    assert [event["seq_num"] for event in ours] == [1, 2, 3, 4, 5, 6, *range(8, 28)]
    statuses = {event["seq_num"]: event["data"]["status"] for event in ours}
    assert {n for n, status in statuses.items() if status == "refused"} == {2, 3, 4}
    reasons = {event["seq_num"]: event["data"]["reason"] for event in ours}
    assert "constant" in reasons[2]
    assert "NaN" in reasons[4]
    lattices = {event["data"]["lattice_a"] for event in ours if event["data"]["status"] == "ok"}
    assert len(lattices) > 10, "different patterns, different answers"
    counts = {k: stops[first][k] for k in ("received", "predicted", "refused", "failed")}
    assert counts == {"received": 26, "predicted": 23, "refused": 3, "failed": 0}
    assert stops[first]["missing_seq_nums"] == [7, 28]

    drained = [event for event in events if event["data"]["raw_run_uid"] == "raw-2"]
    assert stops[second]["received"] == len(drained), "what was accepted is answered"
    assert stops[second]["exit_status"] != "success"
    assert [event["seq_num"] for event in drained] == list(range(1, len(drained) + 1))
    assert "dropped" in log
    assert "stopping: answering what was accepted" in log


def test_settings_from_file_and_environment(tmp_path, engine):
    config = tmp_path / "serve.toml"
    config.write_text(f'sources = ["{BOUND}"]\nengine = "{engine}"\nenergy_kev = 24.8\n')
    env = {"ALPHADIFFRACT_SINKS": f"jsonl:{tmp_path}/out.jsonl", "ALPHADIFFRACT_TYPO": "1"}
    options = ["--config", str(config), "--log-format", "json"]
    with serving(tmp_path, *options, env=env) as served:
        served.connect()
        served.pattern(1, unit="2th_deg", axis={"start": 2, "stop": 40})
        served.wait(lambda: served.of("event"))
        assert served.stop() == 0
        event = served.of("event")[0]["data"]
        records = [json.loads(line) for line in served.log.read_text().splitlines()]
    assert event["status"] == "ok"
    assert event["energy"] == pytest.approx(24.8)
    messages = [record["message"] for record in records]
    assert any("ALPHADIFFRACT_TYPO is set" in message for message in messages)
    assert any("received 1, predicted 1" in message for message in messages)


def test_an_address_in_use_is_said_in_words(tmp_path, engine):
    with zmq.Context() as context, context.socket(zmq.PULL) as taken:
        port = taken.bind_to_random_port("tcp://127.0.0.1")
        source = f"frames://127.0.0.1:{port}?bind=yes"
        done = subprocess.run(
            [*SERVE, source, "--sink", "terminal:", "--engine", engine],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert done.returncode == 1
    assert "in use" in done.stderr
    assert "Traceback" not in done.stderr


def test_files_are_served_to_their_end(tmp_path, engine):
    for n in range(3):
        intensity = np.exp(-(((TWO_THETA - 10 - n) / 0.05) ** 2)) + 0.01
        np.savetxt(tmp_path / f"scan_{n}.xy", np.column_stack([TWO_THETA, intensity]))
    out = f"jsonl:{tmp_path}/out.jsonl"
    options = [f"file:{tmp_path}/*.xy", "--sink", out, "--engine", engine, "--wavelength", "0.5"]
    with serving(tmp_path, *options) as served:
        assert served.process.wait(60) == 0, served.log.read_text()
        stop = served.of("stop")[0]
    assert (stop["exit_status"], stop["predicted"], stop["missing"]) == ("success", 3, 0)


def test_replayed_files_are_predicted_over_the_bluesky_wire(tmp_path, engine):
    for n in range(3):
        intensity = np.exp(-(((TWO_THETA - 10 - n) / 0.05) ** 2)) + 0.01
        np.savetxt(tmp_path / f"scan_{n}.xy", np.column_stack([TWO_THETA, intensity]))
    context = zmq.Context()
    inward, outward = context.socket(zmq.XSUB), context.socket(zmq.XPUB)
    ports = [s.bind_to_random_port("tcp://127.0.0.1") for s in (inward, outward)]
    proxy = threading.Thread(target=_proxy, args=(inward, outward), daemon=True)
    proxy.start()
    source = f"bluesky-zmq://127.0.0.1:{ports[1]}?prefix=raw"
    sink = f"jsonl:{tmp_path}/out.jsonl"
    try:
        with serving(tmp_path, source, "--sink", sink, "--engine", engine) as served:
            served.wait(served.is_ready)
            to = f"bluesky-zmq://127.0.0.1:{ports[0]}?prefix=raw"
            files = [str(tmp_path / f"scan_{n}.xy") for n in range(3)]
            replay = [SERVE[0], "replay", *files, "--to", to, "--rate", "50", "--energy", "24.8"]
            subprocess.run(replay, check=True, timeout=60, capture_output=True)
            served.wait(lambda: served.of("stop"))
            assert served.stop() == 0
            events, stop = served.of("event"), served.of("stop")[0]
    finally:
        context.destroy(linger=0)
        proxy.join(10)
    assert [event["data"]["raw_file"] for event in events] == [f"scan_{n}.xy" for n in range(3)]
    assert [event["seq_num"] for event in events] == [1, 2, 3]
    assert (stop["exit_status"], stop["predicted"], stop["missing"]) == ("success", 3, 0)


def _proxy(inward: zmq.Socket, outward: zmq.Socket) -> None:
    with contextlib.suppress(zmq.ContextTerminated, zmq.ZMQError):
        zmq.proxy(inward, outward)
