"""The policy ``latest``: what a live view answers of a flood."""

from __future__ import annotations

import asyncio

from alphadiffract_stream.service import Service, Settings
from tests.streams import EchoEngine, MemorySink, MemorySource, marked, started, stopped, until

LATEST = {"policy": "latest", "reorder_wait": 0.05, "drain_timeout": 10.0}


async def flooded(n: int, engine: EchoEngine, tmp_path=None, **given):
    items = [started(), *(marked(i) for i in range(1, n + 1)), stopped(n)]
    sink, source = MemorySink(), MemorySource(items, endless=True)
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


async def test_under_a_flood_the_newest_are_answered():
    n = 1000
    service, sink, waited = await flooded(n, EchoEngine(delays=[0.02], max_batch=8))
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


async def test_without_a_flood_nothing_is_passed_over():
    items = [started()]
    for i in range(1, 6):
        items += [marked(i), 0.05]
    sink = MemorySink()
    settings = Settings.load(**LATEST)
    await Service([MemorySource([*items, stopped(5)])], [sink], EchoEngine(), settings).run()
    assert sink.of("stop")[0]["predicted"] == 5


async def test_batches_are_as_large_as_the_engine_takes_in_a_moment():
    slow, fast = (EchoEngine(delays=[delay], max_batch=64) for delay in (0.2, 0.02))
    await flooded(50, slow)
    await flooded(600, fast)
    assert max(slow.batches) == 1, "a batch takes it longer than a moment"
    assert max(fast.batches) > 1


async def test_it_goes_with_a_spool(tmp_path):
    n = 300
    engine = EchoEngine(delays=[0.02], max_batch=4)
    service, sink, _ = await flooded(n, engine, spool=tmp_path)
    stop = sink.of("stop")[0]
    assert stop["received"] == n == stop["predicted"] + stop["refused"]
    assert sink.seq_nums == list(range(1, n + 1))
    assert service._spool.unfinished == 0
