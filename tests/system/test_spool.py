"""A service that is killed in the middle of a scan, and one that is flooded."""

from __future__ import annotations

import signal
import subprocess

import msgpack_numpy
import numpy as np
import pytest
import zmq

from tests.raw_runs import array_key, raw_run, run_of_arrays
from tests.serving import BOUND, SERVE, TWO_THETA, Served, serving
from tests.support import make_tiny_model

START = {"unit": "2th_deg", "axis": {"start": 2, "stop": 40}, "sample": "lime"}


@pytest.fixture
def engine(tmp_path) -> str:
    return f"onnx:{make_tiny_model(tmp_path)}"


@pytest.fixture
def publisher():
    """A bound PUB socket that speaks Bluesky's wire, as a proxy does."""
    with zmq.Context() as context, context.socket(zmq.XPUB) as socket:
        socket.set(zmq.LINGER, 0)
        socket.set(zmq.RCVTIMEO, 60_000)
        port = socket.bind_to_random_port("tcp://127.0.0.1")
        yield socket, port


def whole(documents: list[tuple[str, dict]]) -> dict:
    """The stop document of the one run, after a look at what a reader keeps of each uid."""
    kept = {document["uid"]: (name, document) for name, document in reversed(documents)}
    kept = list(reversed(kept.values()))
    names = [name for name, _ in kept]
    assert [names.count(name) for name in ("start", "descriptor", "stop")] == [1, 1, 1]
    start, stop = kept[0][1], kept[-1][1]
    events = [document for name, document in kept if name == "event"]
    assert stop["run_start"] == start["uid"]
    numbers = [event["seq_num"] for event in events]
    assert numbers == sorted(set(numbers)), "in order, none of two uids"
    assert stop["received"] == len(events)
    assert stop["received"] == stop["predicted"] + stop["refused"] + stop["failed"]
    assert stop["missing_seq_nums"] == sorted(set(range(1, numbers[-1] + 1)) - set(numbers))
    return stop


def killed(served: Served) -> list[tuple[str, dict]]:
    served.process.send_signal(signal.SIGKILL)
    served.process.wait()
    return served.documents()


def folder_of(tmp_path, name: str):
    folder = tmp_path / name
    folder.mkdir()
    return folder


def test_frames_go_on_after_kill_9(tmp_path, engine):
    """Three lives; patterns that were sent while nobody lived wait in the sender's socket."""
    n, sent = 60, 0
    documents: list[tuple[str, dict]] = []
    with zmq.Context() as context, context.socket(zmq.PUSH) as socket:
        socket.set(zmq.LINGER, 0)
        port = socket.bind_to_random_port("tcp://127.0.0.1")
        source = f"frames://127.0.0.1:{port}"
        for life in range(3):
            folder = folder_of(tmp_path, f"life{life}")
            options = [source, "--sink", f"jsonl:{folder}/out.jsonl", "--engine", engine]
            options += ["--wavelength", "0.5", "--spool", str(tmp_path / "spool")]
            with serving(folder, *options) as served:
                served.wait(served.is_ready)
                served._socket, other = socket, served._socket
                if not sent:
                    served.send(served.header("start", **START))
                for _ in range(n // 3):
                    sent += 1
                    served.pattern(sent)
                served._socket = other
                if life < 2:
                    # In the middle: some are answered, some are not.
                    served.wait(lambda s=served: len(s.of("event")) >= 5)
                    documents += killed(served)
                else:
                    socket.send_multipart([served.header("stop", num_events=n)])
                    served.wait(lambda s=served: s.of("stop"))
                    assert served.stop() == 0, served.log.read_text()
                    documents += served.documents()
                    log = served.log.read_text()
    stop = whole(documents)
    # What lay in the service's own socket when it was killed was not accepted yet.
    assert stop["received"] + stop["missing"] == n
    assert "goes on" in log


def stopped(served: Served) -> list[tuple[str, dict]]:
    assert served.stop() == 0, served.log.read_text()
    return served.documents()


def two_lives(
    folder, options, socket, first, second, *, answered: int, end=killed
) -> list[tuple[str, dict]]:
    """Documents of a service that hears the run `first`, is ended by `end` once it has answered
    so many events, hears `second` in its next life and lives until the run's stop.
    """
    documents: list[tuple[str, dict]] = []
    for life, part in enumerate((first, second)):
        own = folder_of(folder, f"life{life}")
        spool = ["--spool", str(folder / "spool"), "--sink", f"jsonl:{own}/out.jsonl"]
        with serving(own, *options, *spool) as served:
            served.wait(served.is_ready)
            assert socket.recv()[:1] == b"\x01", "subscribed"
            for name, document in part:
                socket.send(b" ".join([b"raw", name.encode(), msgpack_numpy.packb(document)]))
            if life == 0:
                served.wait(lambda s=served: len(s.of("event")) >= answered)
                documents += end(served)
                assert socket.recv()[:1] == b"\x00", "gone"
            else:
                served.wait(lambda s=served: s.of("stop"))
                documents += stopped(served)
    return documents


def test_a_bluesky_run_goes_on_after_kill_9(tmp_path, engine, publisher):
    socket, port = publisher
    run = raw_run(events=30)
    options = [f"bluesky-zmq://127.0.0.1:{port}?prefix=raw", "--engine", engine]
    # Some events are replayed when all is over.
    second = [*run[14:], *run[5:9]]
    documents = two_lives(tmp_path, options, socket, run[:14], second, answered=12)
    stop = whole(documents)
    assert (stop["received"], stop["missing"], stop["failed"]) == (30, 0, 0)
    assert stop["exit_status"] == "success"
    start = documents[0][1]
    assert start["parents"] == [run[0][1]["uid"]]


def test_detector_frames_go_on_after_kill_9(tmp_path, engine, publisher):
    """What the spool keeps of a frame is the pattern it was integrated to."""
    pytest.importorskip("pyFAI", reason="frames need the `pyfai` extra")
    from tests.detector import SIDE, frames, write_poni

    socket, port = publisher
    images = frames(9)
    run = run_of_arrays(images, array_key(shape=[SIDE, SIDE]), "det_image", {})
    poni = write_poni(tmp_path / "detector.poni")
    options = [f"bluesky-zmq://127.0.0.1:{port}?prefix=raw&poni={poni}", "--engine", engine]
    # What lay in the dead service's socket is sent again; what it had kept is recognised.
    documents = two_lives(tmp_path, options, socket, run[:7], run[2:], answered=3)
    stop = whole(documents)
    assert (stop["received"], stop["predicted"], stop["missing"]) == (9, 9, 0)
    events = [document for name, document in documents if name == "event"]
    assert {event["data"]["energy_source"] for event in events} == {"poni: detector.poni"}
    assert max(len(path.read_bytes()) for path in (tmp_path / "spool").iterdir()) < images.nbytes


def test_a_run_goes_on_after_sigterm(tmp_path, engine, publisher):
    socket, port = publisher
    run = raw_run(events=6)
    options = [f"bluesky-zmq://127.0.0.1:{port}?prefix=raw", "--engine", engine]

    def told(served: Served) -> list[tuple[str, dict]]:
        documents = stopped(served)
        assert "goes on when the service is started again" in served.log.read_text()
        return documents

    documents = two_lives(tmp_path, options, socket, run[:5], run[5:], answered=3, end=told)
    assert [name for name, _ in documents] == ["start", "descriptor", *["event"] * 6, "stop"]
    assert whole(documents)["received"] == 6


def flooded(folder, engine, n, *options) -> tuple[Served, list[dict]]:
    """`n` patterns as fast as they go, many times what the removal of a background lets through."""
    options = ["--sink", f"jsonl:{folder}/out.jsonl", "--engine", engine, *options]
    options += ["--source", BOUND, "--wavelength", "0.5", "--background", "arpls"]
    with serving(folder, *options) as served:
        served.connect()
        served.send(served.header("start", **START))
        for number in range(1, n + 1):
            centre = 8 + number % 100 / 10
            served.pattern(number, 500 * np.exp(-(((TWO_THETA - centre) / 0.05) ** 2)) + 5)
        served.send(served.header("stop", num_events=n))
        # Reading all of it each time would take the service's own time.
        served.wait(lambda: served.out.exists() and _ends(served.out.read_bytes()[-4000:]), 100)
        assert served.stop() == 0, served.log.read_text()
        return served, served.of("event")


def _ends(tail: bytes) -> bool:
    return b'"name":"stop"' in tail and tail.endswith(b"\n")


def test_a_flood_is_caught_up_with(tmp_path, engine):
    n = 120
    config = tmp_path / "small.toml"
    config.write_text("queue_size = 16\nreorder_limit = 4\n")
    options = ["--spool", str(tmp_path / "spool"), "--config", str(config)]
    served, events = flooded(tmp_path, engine, n, *options)
    stop = whole(served.documents())
    assert (stop["received"], stop["predicted"], stop["missing"]) == (n, n, 0)
    assert [event["seq_num"] for event in events] == list(range(1, n + 1))


def test_a_live_view_answers_the_newest_of_a_flood(tmp_path, engine):
    n = 600
    served, events = flooded(tmp_path, engine, n, "--policy", "latest")
    stop = whole(served.documents())
    assert (stop["received"], stop["missing"], stop["failed"]) == (n, 0, 0)
    assert stop["predicted"] + stop["skipped"] == n
    assert stop["skipped"] == stop["refused"] > 0
    assert events[-1]["data"]["status"] != "refused", "the newest wins"


def test_a_spool_in_use_is_said_in_words(tmp_path, engine):
    options = ["frames://127.0.0.1:0?bind=yes", "--engine", engine, "--sink", "terminal:"]
    options += ["--spool", str(tmp_path / "spool")]
    with serving(tmp_path, *options) as served:
        served.wait(served.is_ready)
        done = subprocess.run([*SERVE, *options], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "in use by another service" in done.stderr
    assert "Traceback" not in done.stderr
