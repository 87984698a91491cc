"""The sink on a real socket, in one process."""

import asyncio

import pytest
import zmq
import zmq.asyncio

from alphadiffract_stream.errors import AlphaDiffractError, ConfigurationError
from alphadiffract_stream.sinks import open_sink
from alphadiffract_stream.wire import decode_message


class Proxy:
    """What a sink connects to: a bound SUB socket that is always being read, as a proxy's is."""

    def __init__(self, topic: bytes = b"", rcvhwm: int = 1000) -> None:
        self.context = zmq.asyncio.Context()
        self.socket = self.context.socket(zmq.SUB)
        self.socket.set(zmq.RCVHWM, rcvhwm)
        self.socket.subscribe(topic)
        self.port = self.socket.bind_to_random_port("tcp://127.0.0.1")

    def receive(self, count: int) -> asyncio.Task[list[bytes]]:
        async def receive():
            return [await self.socket.recv() for _ in range(count)]

        return asyncio.create_task(receive())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.destroy(linger=0)


@pytest.mark.parametrize(
    ("query", "prefix"),
    [("", b"alphadiffract"), ("?serializer=json&prefix=", b""), ("?prefix=x", b"x")],
)
async def test_the_first_document_waits_for_its_reader_and_none_is_lost(query, prefix):
    with Proxy(prefix) as proxy:
        sink = open_sink(f"bluesky-zmq://127.0.0.1:{proxy.port}{query}")
        receiving = proxy.receive(100)
        for i in range(100):
            await sink.emit("start", {"uid": str(i), "x": [1.5, "a b"]})
        await sink.close()
        await sink.close()

        for i, message in enumerate(await receiving):
            document = {"uid": str(i), "x": [1.5, "a b"]}
            assert decode_message(message) == (prefix, "start", document)


async def test_once_its_reader_is_known_a_document_goes_at_once():
    with Proxy() as proxy:
        sink = open_sink(f"bluesky-zmq://127.0.0.1:{proxy.port}")
        assert sink.emit_now("start", {"uid": "0"}) is False
        receiving = proxy.receive(3)
        await sink.emit("start", {"uid": "1"})
        assert sink.emit_now("event", {"uid": "2"}) is True
        with pytest.raises(TypeError):
            sink.emit_now("event", {"uid": object()})
        assert sink.emit_now("stop", {"uid": "3"}) is True
        uids = [decode_message(message)[2]["uid"] for message in await receiving]
        await sink.close()
    assert uids == ["1", "2", "3"]


async def test_readers_may_connect_to_it():
    sink = open_sink("bluesky-zmq://127.0.0.1:0?bind=yes&serializer=pickle")
    context = zmq.asyncio.Context()
    socket = context.socket(zmq.SUB)
    socket.subscribe("")
    socket.connect(sink.address)

    await sink.emit("start", {"uid": "a"})

    assert decode_message(await socket.recv(), allow_pickle=True)[2] == {"uid": "a"}
    await sink.close()
    context.destroy(linger=0)


async def test_without_a_reader_documents_go_nowhere_and_that_is_said(caplog):
    sink = open_sink("bluesky-zmq://127.0.0.1:1?patience=0")
    await sink.emit("start", {})
    await sink.close()

    assert "nobody reads" in caplog.text


async def test_a_reader_that_takes_nothing_is_an_error_and_not_a_silent_loss():
    with Proxy(rcvhwm=1) as proxy:
        sink = open_sink(f"bluesky-zmq://127.0.0.1:{proxy.port}?sndhwm=1&patience=0.2&linger=0")
        first = proxy.receive(1)
        await send(sink, 1)
        await first
        with pytest.raises(AlphaDiffractError, match="takes none; lost: event"):
            await send(sink, 1000)
        await sink.close()


async def test_a_reader_that_catches_up_gets_everything():
    with Proxy() as proxy:
        sink = open_sink(f"bluesky-zmq://127.0.0.1:{proxy.port}?sndhwm=1&patience=60")
        receiving = proxy.receive(60)
        await send(sink, 60)
        await sink.close()
        numbers = [decode_message(message)[2]["n"] for message in await receiving]

    assert numbers == list(range(60))


async def send(sink, count: int) -> None:
    for n in range(count):
        await sink.emit("event", {"n": n, "data": "x" * 200_000})


async def test_what_has_no_form_is_said():
    sink = open_sink("bluesky-zmq://127.0.0.1:1?patience=0")
    with pytest.raises(TypeError, match="cannot be sent"):
        await sink.emit("start", {"x": object()})
    await sink.close()


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("bluesky-zmq://localhost", "no port"),
        ("bluesky-zmq://localhost:1?allow_pickle=yes", "unknown option 'allow_pickle'"),
        ("bluesky-zmq://localhost:1?serializer=auto", "serializer=auto"),
        ("bluesky-zmq://localhost:1?prefix=a%20b", "may not contain a space"),
        ("bluesky-zmq://no_such_interface:1?bind=yes", "cannot publish there"),
    ],
)
def test_urls_that_make_no_sense_are_refused(url, reason):
    with pytest.raises(ConfigurationError, match=reason):
        open_sink(url)
