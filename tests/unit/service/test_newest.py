"""The policy ``latest``: what a live view answers of a flood."""

from __future__ import annotations

import asyncio

import pytest

from alphadiffract_stream.service import Service, Settings
from alphadiffract_stream.sources import PatternReceived, PatternsSkipped
from tests.streams import (
    EchoEngine,
    LastingSource,
    MemorySink,
    MemorySource,
    marked,
    origin,
    started,
    stopped,
    until,
)

LATEST = {"policy": "latest", "reorder_wait": 0.05, "drain_timeout": 10.0}


class HelplessSource(MemorySource):
    """One that could pass over what is old, but not what comes now."""

    shedding = False

    def shed(self) -> None: ...


async def flooded(n: int, engine: EchoEngine, kind=MemorySource, **given):
    items = [started(), *(marked(i) for i in range(1, n + 1)), stopped(n)]
    sink, source = MemorySink(), kind(items, endless=True)
    settings = Settings.load(**(LATEST | given))
    service = Service([source], [sink], engine, settings)
    waited = []
    newest = service._intake._newest
    put = newest.put

    def watched(item) -> None:
        put(item)
        waited.append((len(newest), newest.limit))

    newest.put = watched
    running = asyncio.create_task(service.run())
    async with asyncio.timeout(30):
        await until(lambda: sink.of("stop"), 20)
        service.stop()
        await running
    return service, sink, waited


@pytest.mark.parametrize("kind", [MemorySource, HelplessSource])
async def test_under_a_flood_the_newest_are_answered(kind):
    n = 1000
    engine = EchoEngine(delays=[0.02], max_batch=8)
    service, sink, waited = await flooded(n, engine, kind)
    stop = sink.of("stop")[0]
    assert sink.seq_nums == list(range(1, n + 1)), "each is answered, in order"
    assert stop["received"] == n == stop["predicted"] + stop["refused"]
    assert stop["refused"] == stop["skipped"] == service.metrics.skipped
    assert n / 2 < stop["skipped"] < n
    assert all(length <= limit <= 8 for length, limit in waited), "what waits is bounded"
    assert sink.statuses[n] == "ok", "the newest wins"
    skipped = [event["data"] for event in sink.of("event") if event["data"]["status"] == "refused"]
    assert {data["flags"] for data in skipped} == {"skipped"}
    assert "policy: latest, and newer patterns came" in skipped[0]["reason"]


class PatientSource(MemorySource):
    """Gives the next event once the one before is answered."""

    def __init__(self, items, sink: MemorySink) -> None:
        super().__init__(items)
        self._sink = sink

    async def __aiter__(self):
        given = 0
        async for message in super().__aiter__():
            yield message
            if isinstance(message, PatternReceived):
                given += 1
                await until(lambda: len(self._sink.of("event")) == given, 20)  # noqa: B023


async def test_without_a_flood_nothing_is_passed_over():
    sink = MemorySink()
    source = PatientSource([started(), *map(marked, range(1, 6)), stopped(5)], sink)
    await Service([source], [sink], EchoEngine(), Settings.load(**LATEST)).run()
    assert sink.of("stop")[0]["predicted"] == 5


async def test_it_goes_with_a_spool(tmp_path):
    n = 300
    engine = EchoEngine(delays=[0.02], max_batch=4)
    service, sink, _ = await flooded(n, engine, spool=tmp_path)
    stop = sink.of("stop")[0]
    assert stop["received"] == n == stop["predicted"] + stop["refused"]
    assert sink.seq_nums == list(range(1, n + 1))
    assert service._spool.unfinished == 0


class SheddingSource(MemorySource):
    """Tells of what it passed over, as a source does whose service is slow."""

    shedding = False

    def shed(self) -> None:
        self.shedding = True


async def test_what_a_source_passed_over_is_counted_and_no_gap():
    passed = PatternsSkipped([origin(n) for n in range(2, 11)])
    items = [started(), marked(1), passed, marked(11), PatternsSkipped([origin(12)]), stopped(12)]
    sink, source = MemorySink(), SheddingSource(items)
    service = Service(
        [source], [sink], EchoEngine(), Settings.load(**LATEST | {"reorder_wait": 60})
    )
    async with asyncio.timeout(20):
        await service.run()
    assert source.shedding
    assert sink.seq_nums == [1, 11]
    stop = sink.of("stop")[0]
    counts = {
        name: stop[name] for name in ("received", "predicted", "refused", "skipped", "missing")
    }
    assert counts == {"received": 12, "predicted": 2, "refused": 10, "skipped": 10, "missing": 0}
    assert service.metrics.waiting == 0


async def test_under_lossless_a_source_sheds_nothing():
    source = SheddingSource([started(), marked(1), stopped(1)])
    await Service([source], [MemorySink()], EchoEngine(), Settings.load()).run()
    assert not source.shedding


async def test_what_was_passed_over_is_in_the_account_after_a_restart(tmp_path):
    first = [started(), marked(1), PatternsSkipped([origin(2), origin(3)])]
    given = LATEST | {"spool": tmp_path}
    for items, received in ((first, 3), ([marked(4), PatternsSkipped([origin(3)]), stopped(4)], 1)):
        sink, source = MemorySink(), LastingShedding(items, endless=True)
        service = Service([source], [sink], EchoEngine(), Settings.load(**given))
        running = asyncio.create_task(service.run())
        await until(lambda: service.metrics.received == received and not service.metrics.waiting)  # noqa: B023
        await until(lambda: items is first or sink.of("stop"))  # noqa: B023
        service.stop()
        await running
    stop = sink.of("stop")[0]
    assert (stop["received"], stop["predicted"], stop["skipped"]) == (4, 2, 2)


class LastingShedding(LastingSource):
    def shed(self) -> None: ...
