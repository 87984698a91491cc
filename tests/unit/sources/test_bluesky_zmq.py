"""The source on a real socket, in one process."""

import asyncio
import contextlib
import logging
import pickle

import msgpack_numpy
import pytest
import zmq
import zmq.asyncio

from alphadiffract_stream.errors import ConfigurationError
from alphadiffract_stream.sources import (
    Dropped,
    PatternReceived,
    PatternsSkipped,
    RunStarted,
    RunStopped,
    open_source,
)
from alphadiffract_stream.wire import Serializer, encode_message
from tests.raw_runs import raw_run


class Publisher:
    """An XPUB socket, which hears its subscriber come, so that nothing is sent too early."""

    def __init__(self) -> None:
        self.context = zmq.asyncio.Context()
        self.socket = self.context.socket(zmq.XPUB)
        self.socket.linger = 0
        self.port = self.socket.bind_to_random_port("tcp://127.0.0.1")

    async def subscribed(self) -> bytes:
        return (await self.socket.recv())[1:]

    async def send(self, *frames: bytes) -> None:
        await self.socket.send_multipart(frames)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.destroy(linger=0)


async def take(source, count: int):
    messages = []
    async for message in source:
        messages.append(message)
        if len(messages) == count:
            break
    return messages


async def until(true) -> None:
    while not true():  # noqa: ASYNC110 - there is no event to wait for
        await asyncio.sleep(0.001)


@contextlib.asynccontextmanager
async def connected(query: str = ""):
    with Publisher() as publisher:
        source = open_source(f"bluesky-zmq://127.0.0.1:{publisher.port}{query}")
        try:
            await publisher.subscribed()
            yield publisher, source
        finally:
            await source.close()


async def test_a_run_that_floods_is_cut_and_another_is_not():
    flood, other = raw_run(30), raw_run(2)
    async with connected("?max_rate=4") as (publisher, source):
        for name, document in [*flood[:-1], *other]:
            await publisher.send(encode_message(name, document, Serializer.MSGPACK))

        messages = []
        async for message in source:
            messages.append(message)
            if isinstance(message, RunStopped):
                break

    dropped = [m for m in messages if isinstance(m, Dropped)]
    read = [m.pattern.origin.run_uid for m in messages if isinstance(m, PatternReceived)]
    assert len(dropped) + read.count(flood[0][1]["uid"]) == 30
    assert len(dropped) > 15
    assert "more than 4 a second (?max_rate=)" in dropped[0].reason
    assert dropped[0].origin.seq_num
    assert read.count(other[0][1]["uid"]) == 2


@pytest.mark.parametrize("serializer", [Serializer.MSGPACK, Serializer.JSON])
async def test_a_run_comes_through_and_early_documents_are_kept(serializer):
    documents = raw_run(3)
    async with connected() as (publisher, source):
        for name, document in documents:
            await publisher.send(encode_message(name, document, serializer))

        messages = await take(source, 5)

    assert [type(m).__name__ for m in messages] == [
        "RunStarted",
        *["PatternReceived"] * 3,
        "RunStopped",
    ]
    assert messages[1].pattern.origin.name == source.name


async def test_a_socket_made_before_the_loop_works():
    documents = raw_run(1)
    with Publisher() as publisher:
        url = f"bluesky-zmq://127.0.0.1:{publisher.port}"
        source = await asyncio.to_thread(open_source, url)
        await publisher.subscribed()
        for name, document in documents:
            await publisher.send(encode_message(name, document, Serializer.MSGPACK))

        assert len(await take(source, 3)) == 3
        await source.close()


async def test_only_the_prefix_asked_for_comes():
    mine, other = raw_run(1), raw_run(1)
    async with connected("?prefix=raw") as (publisher, source):
        for (name, document), (_, foreign) in zip(mine, other, strict=True):
            await publisher.send(encode_message(name, foreign, Serializer.JSON, b"rawer"))
            await publisher.send(encode_message(name, document, Serializer.JSON, b"raw"))

        started, *_ = await take(source, 3)

    assert started.run_uid == mine[0][1]["uid"]


async def test_rubbish_is_dropped_and_the_next_document_read():
    documents = raw_run(1)
    async with connected("?max_message=20000") as (publisher, source):
        await publisher.send(b" start " + pickle.dumps({"uid": "x"}))
        await publisher.send(b"hello")
        await publisher.send(b" sing " + msgpack_numpy.packb({}))
        await publisher.send(b" event {}", b"and more")
        await publisher.send(b" event " + b"x" * 30_000)
        for name, document in documents:
            await publisher.send(encode_message(name, document, Serializer.MSGPACK))

        messages = await take(source, 8)

    reasons = [m.reason for m in messages if isinstance(m, Dropped)]
    expected = [
        "allow_pickle=yes",
        "prefix name payload",
        "unknown document name",
        "2 frames",
        "20000",
    ]
    for reason, part in zip(reasons, expected, strict=True):
        assert part in reason
    assert isinstance(messages[5], RunStarted)
    assert isinstance(messages[6], PatternReceived)


async def test_pickles_are_read_where_they_are_allowed_by_name(caplog):
    documents = raw_run(1)
    async with connected("?allow_pickle=yes") as (publisher, source):
        for name, document in documents:
            await publisher.send(encode_message(name, document, Serializer.PICKLE))

        assert len(await take(source, 3)) == 3
    assert "PICKLES ARE READ" in caplog.text


async def test_what_waits_in_vain_is_told_without_another_document():
    async with connected("?patience=0.05") as (publisher, source):
        for name, document in raw_run(1)[2:3]:
            await publisher.send(encode_message(name, document, Serializer.JSON))

        (dropped,) = await take(source, 1)

    assert "descriptor" in dropped.reason


async def test_closing_ends_the_iteration_and_closes_the_run():
    async with connected() as (publisher, source):
        for name, document in raw_run(1)[:-1]:
            await publisher.send(encode_message(name, document, Serializer.JSON))
        iterator = aiter(source)
        first = [await anext(iterator), await anext(iterator)]
        waiting = asyncio.ensure_future(anext(iterator))
        await asyncio.sleep(0)
        await source.close()
        await source.close()

        stopped = await waiting
        with pytest.raises(StopAsyncIteration):
            await anext(iterator)

    assert [type(m).__name__ for m in first] == ["RunStarted", "PatternReceived"]
    assert stopped.exit_status == "fail"


async def test_a_cancelled_reader_loses_nothing():
    async with connected() as (publisher, source):
        reader = asyncio.ensure_future(take(source, 1))
        await until(lambda: source._receiver._readable._waiting is not None)
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader
        for name, document in raw_run(1):
            await publisher.send(encode_message(name, document, Serializer.JSON))

        assert len(await take(source, 3)) == 3


async def test_connections_are_watched(caplog):
    caplog.set_level(logging.INFO)
    async with connected() as (publisher, source):
        reader = asyncio.ensure_future(take(source, 1))
        await until(lambda: source.connections == 1)
        publisher.socket.close()
        await until(lambda: source.connections == 0)
        reader.cancel()
    assert "connected" in caplog.text
    assert "documents may be lost" in caplog.text


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("bluesky-zmq://localhost", "no port"),
        ("bluesky-zmq://localhost:1?prefixx=a", "unknown option 'prefixx'; known: allow_pickle"),
        ("bluesky-zmq://localhost:1?prefix=a%20b", "may not contain a space"),
        ("bluesky-zmq://localhost:1?serializer=xml", "serializer=xml"),
        ("bluesky-zmq://localhost:1?serializer=pickle", "allow_pickle=yes"),
        ("bluesky-zmq://localhost:1?allow_pickle=perhaps", "allow_pickle=perhaps"),
        ("bluesky-zmq://localhost:1?rcvhwm=-1", "rcvhwm=-1"),
        ("bluesky-zmq://localhost:1?unit=furlong", "unit=furlong: "),
        ("bluesky-zmq://localhost:1?energy=20", "names a data key"),
        ("bluesky-zmq://no/such:1", "no port"),
    ],
)
def test_urls_that_make_no_sense_are_refused(url, reason):
    with pytest.raises(ConfigurationError, match=reason.replace("?", r"\?")):
        open_source(url)


async def test_the_newest_are_kept_where_only_they_are_wanted():
    n = 300
    async with connected() as (publisher, source):
        source.shed()
        *opening, stop = raw_run(n)
        for name, document in opening[:2]:
            await publisher.send(encode_message(name, document, Serializer.MSGPACK))
        messages = source.__aiter__()
        told = [await anext(messages)]
        for name, document in [*opening[2:], stop]:
            await publisher.send(encode_message(name, document, Serializer.MSGPACK))
        await asyncio.sleep(0.3)  # nobody asks for more meanwhile
        while not isinstance(told[-1], RunStopped):
            told.append(await anext(messages))
    skipped = [o.seq_num for m in told if isinstance(m, PatternsSkipped) for o in m.origins]
    read = [m.pattern.origin.seq_num for m in told if isinstance(m, PatternReceived)]
    assert sorted(skipped + read) == list(range(1, n + 1)), "each is told of, once"
    assert read[-1] == n
    assert 1 <= len(read) <= 40
    order = [
        number
        for m in told
        for number in (
            [o.seq_num for o in m.origins]
            if isinstance(m, PatternsSkipped)
            else [m.pattern.origin.seq_num]
            if isinstance(m, PatternReceived)
            else []
        )
    ]
    assert order == sorted(order)
    assert told[-1].num_events == n


async def test_what_cannot_be_skimmed_is_read():
    async with connected() as (publisher, source):
        source.shed()
        for name, document in raw_run(60):
            await publisher.send(encode_message(name, document, Serializer.JSON))
        messages = await take(source, 62)
    assert sum(isinstance(m, PatternReceived) for m in messages) == 60
