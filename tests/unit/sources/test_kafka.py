"""The source with librdkafka's mock brokers, in one process."""

from __future__ import annotations

import asyncio
import logging
import pickle

import pytest

from alphadiffract_stream.errors import ConfigurationError
from alphadiffract_stream.sources import (
    Dropped,
    PatternReceived,
    RunStarted,
    RunStopped,
    open_source,
)
from tests.brokers import kafka
from tests.raw_runs import raw_run


@pytest.fixture
def cluster(tmp_path):
    with kafka(tmp_path) as cluster:
        cluster.create("raw")
        yield cluster


async def read(source, count: int) -> list:
    messages = []
    async for message in source:
        messages.append(message)
        if len(messages) == count:
            await source.close()
    await source.close()
    return messages


async def test_a_run_and_what_is_none(cluster, caplog):
    run = raw_run(2)
    cluster.send("raw", pickle.dumps(run[0]))
    cluster.publish("raw", run[0][1]["uid"], *run)
    cluster.publish("raw", None, ("start", {"uid": "b", "time": 1.0, "analysis": "alphadiffract"}))
    source = open_source(cluster.url("raw", start="earliest", config=str(cluster.config)))
    with caplog.at_level(logging.WARNING):
        messages = await read(source, 5)
    (dropped,) = [m for m in messages if isinstance(m, Dropped)]
    assert "so it is not read" in dropped.reason
    assert "raw partition" in dropped.reason
    others = [m for m in messages if m is not dropped]
    kinds = [RunStarted, PatternReceived, PatternReceived, RunStopped]
    assert [type(m) for m in others] == kinds
    assert others[0].identity == "kafka alphadiffract"
    assert others[1].pattern.origin.transport == "kafka"
    assert "have no key" in caplog.text
    # The run was not settled, since there was no service to do so: it is read again.
    assert cluster.committed("raw", "alphadiffract") < 1 + len(run) + 1


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("kafka://b:1", "no topic"),
        ("kafka:topic", "BROKER"),
        ("kafka://b/t?allow_pickle=yes", "unknown option 'allow_pickle'"),
        ("kafka://b/t?group=", "group="),
        ("kafka://b/t?config=/no/such/file", "No such file"),
        ("kafka://b/t?start=middle", "start=middle"),
    ],
)
def test_urls_that_make_no_sense_are_refused(url, reason):
    with pytest.raises(ConfigurationError, match=reason):
        open_source(url)


def test_properties_librdkafka_does_not_know_are_refused(tmp_path):
    file = tmp_path / "p"
    file.write_text("no.such.property=1\n")
    with pytest.raises(ConfigurationError, match=r"no\.such\.property"):
        open_source(f"kafka://127.0.0.1:1/t?config={file}")


async def test_a_topic_that_comes_later_is_read_from_its_beginning(tmp_path):
    with kafka(tmp_path) as cluster:
        config = tmp_path / "fast.properties"
        config.write_text(cluster.config.read_text() + "topic.metadata.refresh.interval.ms=200\n")
        source = open_source(cluster.url("later", config=str(config)))
        reading = asyncio.create_task(read(source, 4))
        await asyncio.sleep(1)
        run = raw_run(2)
        cluster.publish("later", run[0][1]["uid"], *run)
        messages = await reading
    kinds = [RunStarted, PatternReceived, PatternReceived, RunStopped]
    assert [type(m) for m in messages] == kinds
