"""The sink with librdkafka's mock brokers, in one process."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from alphadiffract_stream.documents import Account, PredictionRun
from alphadiffract_stream.errors import AlphaDiffractError, ConfigurationError
from alphadiffract_stream.sinks import open_sink
from tests.brokers import kafka, reading
from tests.predictions import CARD, origin, predicted
from tests.streams import until


@pytest.fixture
def cluster(tmp_path):
    with kafka(tmp_path) as cluster:
        cluster.create("answers")
        yield cluster


async def test_a_run_lies_in_order_under_its_uid(cluster):
    sink = open_sink(cluster.url("answers"))
    run = PredictionRun({"uid": "raw-run"}, CARD, "onnx")
    events = [document for n in range(1, 301) for document in run.event(predicted(origin(n)))]
    for name, document in [run.start(), *events, *run.stop(Account(received=300, predicted=300))]:
        await sink.emit(name, document)
    with reading(cluster, "answers") as reader:
        await until(lambda: reader.of("stop"))
        assert [name for name, _ in reader.received] == [
            *("start", "descriptor"),
            *["event"] * 300,
            "stop",
        ]
        assert [event["seq_num"] for event in reader.of("event")] == list(range(1, 301))
        assert set(reader.keys) == {run.uid.encode()}
        assert reader.of("event")[0]["data"]["space_group_symbols"][0] == "P n m a"
    await sink.close()
    await sink.close()


async def test_brokers_that_do_not_answer_are_an_error_and_not_a_silent_loss(tmp_path):
    config = tmp_path / "p"
    config.write_text("message.timeout.ms=300\n")
    sink = open_sink(f"kafka://127.0.0.1:1/answers?config={config}&linger=5")
    await sink.emit("start", {"uid": "a", "time": 1.0})
    with pytest.raises(AlphaDiffractError, match="2 documents were not taken"):
        await sink.emit("stop", {"uid": "b", "run_start": "a"})
    await sink.close()


async def test_a_document_too_large_for_the_brokers_is_an_error(cluster):
    sink = open_sink(cluster.url("answers"))
    with pytest.raises(AlphaDiffractError, match="MSG_SIZE_TOO_LARGE"):
        await sink.emit("start", {"uid": "a", "text": "x" * 2_000_000})
    await sink.close()


async def test_what_the_brokers_never_acknowledged_is_told_at_the_end():
    sink = open_sink("kafka://127.0.0.1:1/answers?linger=0.1")
    await sink.emit("start", {"uid": "a"})
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(sink.emit("stop", {"uid": "b", "run_start": "a"}), 0.2)
    with pytest.raises(AlphaDiffractError, match="2 documents are not acknowledged"):
        await sink.close()


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("kafka://b:1", "no topic"),
        ("kafka://b/one,two", "one topic"),
        ("kafka://b/t?group=a", "unknown option 'group'"),
    ],
)
def test_urls_that_make_no_sense_are_refused(url, reason):
    with pytest.raises(ConfigurationError, match=reason):
        open_sink(url)


async def test_a_run_that_was_begun_before_keeps_its_key(cluster):
    run = PredictionRun({"uid": "raw-run"}, CARD, "onnx")
    start, (descriptor, event) = run.start(), run.event(predicted(origin(1)))
    sink = open_sink(cluster.url("answers"))
    for name, document in (start, descriptor):
        sink.recall(name, document)
    await sink.emit(*event)
    await sink.close()
    with reading(cluster, "answers") as reader:
        await until(lambda: reader.of("event"))
        assert set(reader.keys) == {run.uid.encode()}
