"""A served run of which the wire lost a part, which is then fetched from a document log."""

from __future__ import annotations

import json
from pathlib import Path

import msgpack_numpy
import numpy as np
import pytest
import zmq
from event_model import DocumentNames, schema_validators

from tests.raw_runs import Named, raw_run
from tests.serving import serving
from tests.support import make_tiny_model

EVENTS = 20
LOST = {4, 5, 11, 19, 20}
"""seq_nums that are never sent."""


@pytest.fixture
def engine(tmp_path) -> str:
    return f"onnx:{make_tiny_model(tmp_path)}"


def write(path: Path, documents: list[Named]) -> None:
    lines = [json.dumps(named, default=np.ndarray.tolist) + "\n" for named in documents]
    path.write_text("".join(lines))


def test_what_the_wire_lost_comes_from_a_log_and_nothing_comes_twice(tmp_path, engine):
    run, other = raw_run(EVENTS), raw_run(3)
    uid = run[0][1]["uid"]
    logs = tmp_path / "logs"
    logs.mkdir()
    write(logs / "yesterday.jsonl", other)
    with zmq.Context() as context, context.socket(zmq.XPUB) as socket:
        socket.set(zmq.LINGER, 0)
        port = socket.bind_to_random_port("tcp://127.0.0.1")

        def publish(name: str, document: dict) -> None:
            if document.get("seq_num") not in LOST or name != "event":
                socket.send(b" ".join([b"raw", name.encode(), msgpack_numpy.packb(document)]))

        options = ["--source", f"bluesky-zmq://127.0.0.1:{port}?prefix=raw&patience=0.2"]
        options += ["--engine", engine, "--sink", f"jsonl:{tmp_path}/out.jsonl"]
        options += ["--spool", str(tmp_path / "spool"), "--backfill", f"log:{logs}"]
        env = {"ALPHADIFFRACT_REORDER_WAIT": "0.2", "ALPHADIFFRACT_BACKFILL_TIMEOUT": "60"}
        with serving(tmp_path, *options, env=env) as served:
            assert socket.recv()[:1] == b"\x01", "subscribed"
            served.wait(served.is_ready)
            for named in run:
                publish(*named)
            served.wait(lambda: "missing events are fetched" in served.log.read_text())
            assert not served.of("stop"), "the run waits for its archive"
            for named in other:  # and others do not wait for it
                publish(*named)
            served.wait(lambda: served.of("stop"))
            write(logs / "today.jsonl", run)
            served.wait(lambda: len(served.of("stop")) == 2)
            assert served.stop() == 0, served.log.read_text()
            documents = served.documents()
    for name, document in documents:
        schema_validators[DocumentNames[name]].validate(document)
    start = next(d for n, d in documents if n == "start" and d["parents"] == [uid])
    stop = next(d for n, d in documents if n == "stop" and d["run_start"] == start["uid"])
    assert (stop["received"], stop["predicted"], stop["missing"]) == (EVENTS, EVENTS, 0)
    assert stop["num_events"] == {"alphadiffract": EVENTS}
    answers = [d for n, d in documents if n == "event" and d["data"]["raw_run_uid"] == uid]
    assert sorted(answer["seq_num"] for answer in answers) == list(range(1, EVENTS + 1))
    flagged = {a["seq_num"] for a in answers if "backfilled" in a["data"]["flags"].split(",")}
    assert flagged == LOST
    assert [answer["seq_num"] for answer in answers][-2:] == [19, 20]
    raw = {document["uid"] for name, document in run if name == "event"}
    assert {answer["data"]["raw_event_uid"] for answer in answers} == raw


def test_a_mistyped_archive_is_said_at_the_start(tmp_path, engine):
    options = ["frames://127.0.0.1:0?bind=yes", "--engine", engine]
    with serving(tmp_path, *options, "--backfill", f"log:{tmp_path}/nowhere") as served:
        assert served.process.wait(60) == 1
        log = served.log.read_text()
    assert "no such file or folder" in log
    assert "Traceback" not in log
