"""What becomes of patterns while an engine is out of order."""

from __future__ import annotations

import asyncio
import json

import numpy as np
import pytest

from alphadiffract_stream.errors import EngineError
from alphadiffract_stream.service import Service, Settings
from tests.streams import EchoEngine, MemorySink, MemorySource, marked, started, stopped, until

QUICK = {
    "reorder_wait": 0.05,
    "engine_timeout": 2.0,
    "drain_timeout": 0.3,
    "health_interval": 0.02,
    "health_timeout": 0.1,
}


class Elsewhere(EchoEngine):
    """An engine in another process that can be broken in several ways, and mended."""

    name = "elsewhere"
    remote = True

    def __init__(self, **given) -> None:
        super().__init__(**given)
        self.state = "well"
        self.asked = 0

    async def infer(self, patterns: np.ndarray):
        self.asked += 1
        if self.state == "hangs":
            await asyncio.sleep(60)
        if self.state == "dead":
            raise EngineError("connection refused")
        outputs = await super().infer(patterns)
        if self.state == "wrong":
            outputs.crystal_system[:] = np.nan
        return outputs


class Backup(EchoEngine):
    name = "backup"
    card = EchoEngine.card.model_copy(update={"name": "small", "sha256": "1"})


def made(items, engine, fallback=None, **given) -> tuple[Service, MemorySink]:
    sink = MemorySink()
    settings = Settings.load(**(QUICK | given))
    return Service([MemorySource(items, endless=True)], [sink], engine, settings, fallback), sink


async def ended(service: Service, running: asyncio.Task) -> None:
    service.stop()
    await asyncio.wait_for(running, 5)


def run(*numbers: int) -> list:
    return [marked(n) for n in numbers]


@pytest.mark.parametrize("state", ["dead", "hangs", "wrong"])
async def test_patterns_wait_for_an_engine_elsewhere_in_order_and_none_is_lost(state):
    engine = Elsewhere()
    engine.state = state
    service, sink = made([started(), 0.3, *run(*range(1, 31)), stopped(30)], engine, max_batch=4)
    running = asyncio.create_task(service.run())
    await until(lambda: service.metrics.engine_outages == 1)
    await until(lambda: service.metrics.received == 30)
    await asyncio.sleep(0.1)
    assert sink.seq_nums == []
    assert service.metrics.held > 0
    engine.state = "well"
    await until(lambda: len(sink.seq_nums) == 30)
    await ended(service, running)
    assert sink.seq_nums == list(range(1, 31))
    assert set(sink.statuses.values()) == {"ok"}
    assert service.metrics.held == 0


async def test_sources_are_held_back_when_too_much_waits():
    engine = Elsewhere()
    engine.state = "dead"
    service, sink = made([started(), *run(*range(1, 101)), stopped(100)], engine, queue_size=10)
    running = asyncio.create_task(service.run())
    await until(lambda: service.metrics.engine_outages == 1)
    await asyncio.sleep(0.1)
    assert service.metrics.received == 10
    engine.state = "well"
    await until(lambda: len(sink.seq_nums) == 100)
    await ended(service, running)
    assert sink.seq_nums == list(range(1, 101))


async def test_an_idle_engine_that_breaks_is_found():
    engine = Elsewhere()
    service, _ = made([started()], engine)
    running = asyncio.create_task(service.run())
    await until(lambda: engine.asked > 2)
    engine.state = "wrong"
    await until(lambda: service.metrics.engine_outages == 1)
    await ended(service, running)


async def test_the_fallback_answers_and_the_prediction_says_so():
    engine, backup = Elsewhere(), Backup(max_batch=2)
    items = [started(), *run(1, 2), 0.3, *run(3, 4, 5, 6, 7), 0.3, *run(8), stopped(8)]
    service, sink = made(items, engine, backup)
    running = asyncio.create_task(service.run())
    await until(lambda: len(sink.seq_nums) == 2)
    engine.state = "dead"
    await until(lambda: len(sink.seq_nums) == 7)
    assert max(backup.batches) <= 2, "in batches it can take"
    engine.state = "well"
    await until(lambda: len(sink.seq_nums) == 8)
    await ended(service, running)
    events = [event["data"] for event in sink.of("event")]
    assert [e["engine"] for e in events] == ["elsewhere"] * 2 + ["backup"] * 5 + ["elsewhere"]
    marks = [[f for f in e["flags"].split(",") if f != "coarse_step"] for e in events]
    assert marks == [[]] * 2 + [["fallback", "model:small-1"]] * 5 + [[]]
    assert "elsewhere" in json.dumps(sink.of("start")[0]), "the engine that was to answer"
    assert service.metrics.fallback_answers == 5


async def test_a_call_under_way_is_given_up_when_the_engine_is_found_broken():
    engine = Elsewhere()
    items = [started(), 0.05, *run(1), stopped(1)]
    service, sink = made(items, engine, Backup(), engine_timeout=60)
    running = asyncio.create_task(service.run())
    await until(lambda: engine.asked > 0)
    engine.state = "hangs"
    await until(lambda: len(sink.seq_nums) == 1)
    await ended(service, running)
    assert sink.of("event")[0]["data"]["engine"] == "backup"


async def test_a_limit_to_waiting():
    engine = Elsewhere()
    engine.state = "dead"
    service, sink = made([started(), *run(1, 2), stopped(2)], engine, hold_timeout=0.05)
    running = asyncio.create_task(service.run())
    await until(lambda: len(sink.seq_nums) == 2)
    await ended(service, running)
    assert sink.statuses == {1: "failed", 2: "failed"}
    assert "connection refused" in sink.of("event")[0]["data"]["reason"]


async def test_stopping_answers_what_waits_failed():
    engine = Elsewhere()
    engine.state = "dead"
    service, sink = made([started(), *run(1, 2), stopped(2)], engine)
    running = asyncio.create_task(service.run())
    await until(lambda: service.metrics.held > 0)
    await ended(service, running)
    assert sink.statuses == {1: "failed", 2: "failed"}


async def test_an_engine_that_is_back_before_anyone_looked_costs_nothing():
    """Both attempts fail while the server restarts; the golden inference finds it well."""
    service, sink = made([started(), *run(1), stopped(1)], EchoEngine(failing=[0, 1]))
    running = asyncio.create_task(service.run())
    await until(lambda: len(sink.seq_nums) == 1)
    await ended(service, running)
    assert sink.statuses == {1: "ok"}
    assert service.metrics.engine_outages == 0


async def test_a_broken_engine_in_this_process_fails_its_batches_until_it_is_well():
    engine = EchoEngine(failing=range(3))
    service, sink = made([started(), *run(1), 0.2, *run(2), stopped(2)], engine)
    running = asyncio.create_task(service.run())
    await until(lambda: len(sink.seq_nums) == 2)
    await ended(service, running)
    assert sink.statuses == {1: "failed", 2: "ok"}
    assert service.metrics.engine_outages == 1
