from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from alphadiffract_stream.service import Metrics
from alphadiffract_stream.service._outlet import Outlet


class QuickSink:
    """Sends at once while it is `open`; what it cannot is emitted once `room` is set."""

    name = "quick"

    def __init__(self) -> None:
        self.open = True
        self.room = asyncio.Event()
        self.sent: list[tuple[str, bool]] = []

    def emit_now(self, name, document):
        if "bad" in document:
            raise TypeError("no form on the wire")
        if self.open:
            self.sent.append((name, True))
        return self.open

    async def emit(self, name, document):
        await self.room.wait()
        self.sent.append((name, False))

    async def close(self):
        pass


@asynccontextmanager
async def running(outlet: Outlet):
    task = asyncio.create_task(outlet.run())
    yield
    task.cancel()


@pytest.fixture
def sink() -> QuickSink:
    return QuickSink()


@pytest.fixture
def outlet(sink) -> Outlet:
    return Outlet(sink, Metrics(), timeout=10.0)


async def test_what_needs_no_waiting_is_sent_before_put_returns(outlet, sink):
    delivered: list[str] = []
    outlet.put("event", {}, lambda: delivered.append("event"))
    outlet.put("stop", {}, None)
    assert sink.sent == [("event", True), ("stop", True)]
    assert delivered == ["event"]
    assert outlet.waiting == 0
    await outlet.flush()


async def test_nothing_overtakes_what_waits(outlet, sink):
    delivered: list[str] = []
    async with running(outlet):
        sink.open = False
        outlet.put("start", {}, lambda: delivered.append("start"))
        await asyncio.sleep(0)  # no longer in the queue, not sent either
        sink.open = True
        outlet.put("event", {}, lambda: delivered.append("event"))
        assert sink.sent == []
        sink.room.set()
        await outlet.flush()
        outlet.put("stop", {}, lambda: delivered.append("stop"))
    assert sink.sent == [("start", False), ("event", False), ("stop", True)]
    assert delivered == ["start", "event", "stop"]


async def test_what_cannot_be_sent_is_counted_and_told_and_passed(sink):
    metrics, delivered = Metrics(), []
    outlet = Outlet(sink, metrics, timeout=10.0)
    outlet.put("event", {"bad": 1}, lambda: delivered.append(1))
    assert (metrics.sink_errors["quick"], delivered) == (1, [1])
    assert outlet.trouble == "no form on the wire"
    outlet.put("event", {}, None)
    assert outlet.trouble == ""


async def test_a_sink_that_cannot_recall_a_run_is_counted_and_gets_what_follows(outlet, sink):
    def recall(name, document):
        raise TypeError("not that one")

    sink.recall = recall
    outlet.recall([("start", {"uid": "a"}), ("descriptor", {"uid": "b"})])
    assert outlet._metrics.sink_errors["quick"] == 2
    assert outlet.trouble == "not that one"
    outlet.put("event", {}, None)
    assert sink.sent == [("event", True)]


async def test_sinks_without_a_memory_are_not_told(outlet, sink):
    outlet.recall([("start", {"uid": "a"})])
    assert not outlet._metrics.sink_errors["quick"]
    assert not sink.sent
