from __future__ import annotations

import asyncio
import json
import time
import urllib.error
import urllib.request
from contextlib import asynccontextmanager

import pytest
from prometheus_client.parser import text_string_to_metric_families

from alphadiffract_stream.errors import ConfigurationError, EngineError
from alphadiffract_stream.service import Service, Settings, Telemetry
from alphadiffract_stream.sources import Dropped
from tests.streams import (
    EchoEngine,
    MemorySink,
    MemorySource,
    constant,
    marked,
    origin,
    started,
    stopped,
    unreadable,
    until,
)

QUICK = {
    "reorder_wait": 0.05,
    "health_interval": 0.05,
    "health_timeout": 0.5,
    "sink_timeout": 0.2,
    "drain_timeout": 5.0,
    "metrics_port": 0,
}


def asked(url: str) -> tuple[int, str]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=15) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


class Watched:
    """A service that runs, and what it says of itself over HTTP."""

    def __init__(self, service: Service, telemetry: Telemetry) -> None:
        self.service = service
        self.address = telemetry.address

    async def get(self, path: str) -> tuple[int, dict]:
        status, text = await asyncio.to_thread(asked, self.address + path)
        return status, json.loads(text)

    async def metrics(self) -> dict[tuple, float]:
        """(name, value of its label or None) → value."""
        status, text = await asyncio.to_thread(asked, self.address + "/metrics")
        assert status == 200
        return {
            (sample.name, *sample.labels.values()): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }


@asynccontextmanager
async def watched(items, sinks=None, engine=None, fallback=None, sources=None, **given):
    settings = Settings.load(**(QUICK | given))
    sources = sources or [MemorySource(items, endless=True)]
    sinks = [MemorySink()] if sinks is None else sinks
    service = Service(sources, sinks, engine or EchoEngine(), settings, fallback)
    telemetry = Telemetry(service)
    running = asyncio.create_task(service.run())
    try:
        async with asyncio.timeout(60):
            await service.ready.wait()
            yield Watched(service, telemetry)
            service.abort()
            await running
    finally:
        running.cancel()
        await telemetry.close()


class Gate(EchoEngine):
    """Answers only while it is open."""

    def __init__(self) -> None:
        super().__init__()
        self.open = asyncio.Event()

    async def infer(self, patterns):
        if patterns.shape[1] == 8192:
            await self.open.wait()
        return await super().infer(patterns)


MIXED = [
    *(started(), marked(1), unreadable(2), marked(3), marked(3), constant(5)),
    Dropped(origin(None), "noise"),
]


async def test_the_account_is_exact_while_answers_are_under_way():
    engine = Gate()
    async with watched(MIXED, engine=engine) as service:
        await until(lambda: service.service.metrics.dropped == 1)
        status, told = await service.get("/status")
        assert status == 200
        (run,) = told["runs"]
        assert run["state"] == "open"
        assert run["scan_id"] == 5
        assert (run["received"], run["missing"], run["missing_seq_nums"]) == (4, 1, [4])
        assert (run["predicted"], run["duplicates"]) == (0, 1)
        assert run["received"] == sum(
            run[name] for name in ("predicted", "refused", "failed", "waiting")
        )
        assert told["queue"] == {"waiting": run["waiting"], "capacity": 1024}
        assert run["waiting"] == 4, "1 is not answered, and the others come after it"
        numbers = await service.metrics()
        assert numbers["alphadiffract_queue_depth",] == 4
        assert numbers["alphadiffract_gap_events",] == 1
        engine.open.set()
        await until(lambda: service.service.metrics.waiting == 0)
        _, told = await service.get("/status")
        (run,) = told["runs"]
        counts = {k: run[k] for k in ("received", "predicted", "refused", "failed", "waiting")}
        assert counts == {"received": 4, "predicted": 2, "refused": 2, "failed": 0, "waiting": 0}
        totals = {k: told["totals"][k] for k in (*counts, "missing", "duplicates", "dropped")}
        assert totals == {**counts, "missing": 1, "duplicates": 1, "dropped": 1}
        assert told["seconds"]["latency"]["count"] == 4


async def test_accounts_of_closed_runs_agree_with_their_stop_documents():
    sink = MemorySink()
    items = [
        *(started("a"), marked(1, "a"), marked(4, "a"), stopped(5, "a")),
        *(started("b"), marked(1, "b"), stopped(1, "b")),
    ]
    async with watched(items, sinks=[sink]) as service:
        await until(lambda: len(sink.of("stop")) == 2)
        _, told = await service.get("/status")
        runs = {run["uid"]: run for run in told["runs"]}
        starts = {doc["uid"]: doc["parents"][0] for doc in sink.of("start")}
        for stop in sink.of("stop"):
            run = runs[starts[stop["run_start"]]]
            assert run["state"] == "closed"
            assert run["waiting"] == 0
            for name in ("received", "predicted", "refused", "failed", "missing"):
                assert run[name] == stop[name]
            assert run["missing_seq_nums"] == stop["missing_seq_nums"]
            assert run["exit_status"] == "success"
        assert runs["a"]["missing"] == 3
        numbers = await service.metrics()
        assert numbers["alphadiffract_events_missing_total",] == 3
        assert numbers["alphadiffract_runs_stopped_total",] == 2


async def test_metrics_count_events_and_stages():
    async with watched(MIXED) as service:
        await until(
            lambda: service.service.metrics.waiting == 0 and service.service.metrics.dropped
        )
        await asyncio.sleep(0.1)
        numbers = await service.metrics()
    for name, count in {
        "events_received": 4,
        "events_predicted": 2,
        "events_refused": 2,
        "events_failed": 0,
        "events_missing": 0,
        "events_duplicate": 1,
        "messages_dropped": 1,
    }.items():
        assert numbers[f"alphadiffract_{name}_total",] == count, name
    assert numbers["alphadiffract_answers_total", "refused"] == 2
    counts = {
        key[1]: value for key, value in numbers.items() if key[0].endswith("stage_seconds_count")
    }
    assert counts == {
        "decode": 0,  # nothing is decoded in memory
        "convert": 2,
        "queue": 2,
        "infer": numbers["alphadiffract_batches_total",],
        "publish": 4,
    }
    total = sum(
        value for key, value in numbers.items() if key[0] == "alphadiffract_stage_seconds_sum"
    )
    assert total > 0
    assert numbers["alphadiffract_sink_open", "kept"] == 1
    assert numbers["alphadiffract_engine_in_order", "echo"] == 1
    assert any(key[0] == "process_resident_memory_bytes" for key in numbers)


async def test_two_services_count_for_themselves():
    items = [started(), marked(1)]
    async with watched(items) as one, watched([started()]) as other:
        await until(lambda: one.service.metrics.predicted == 1)
        assert (await one.metrics())["alphadiffract_events_received_total",] == 1
        assert (await other.metrics())["alphadiffract_events_received_total",] == 0


async def test_ready_as_long_as_it_serves_and_not_while_it_stops():
    class Slow(MemorySink):
        async def emit(self, name, document):
            await asyncio.sleep(3)

    async with watched([started()], sinks=[Slow()], sink_timeout=20) as service:
        status, told = await service.get("/readyz")
        assert (status, told["ready"], told["reasons"]) == (200, True, [])
        service.service.stop()
        status, told = await service.get("/readyz")
        assert (status, told["ready"]) == (503, False)
        assert "stopping" in told["reasons"][0]
        assert await service.get("/healthz") == (200, {"alive": True})


class Wrong(EchoEngine):
    """Answers, with probabilities that are none."""

    wrong = True

    def run(self, patterns):
        outputs = super().run(patterns)
        if self.wrong:
            outputs.crystal_system[:] = 0.5
        return outputs


async def test_an_engine_with_wrong_numbers_is_not_ready_and_nothing_is_taken_out_of_order():
    engine = Wrong()
    async with watched([], engine=engine) as service:
        status, told = await service.get("/readyz")
        assert status == 503
        assert "crystal_system sums to 3.5" in told["reasons"][0]
        assert told["engine"]["fault"]
        assert service.service.metrics.engine_outages == 0
        engine.wrong = False
        await asyncio.sleep(0.1)
        assert (await service.get("/readyz"))[0] == 200


class Hanging(EchoEngine):
    remote = True

    async def infer(self, patterns):
        await asyncio.sleep(3600)


async def test_a_fallback_that_answers_is_ready_and_says_what_is_wrong():
    async with watched(
        [started(), marked(1)], engine=Hanging(), fallback=EchoEngine(), health_timeout=0.1
    ) as service:
        await until(lambda: service.service.metrics.fallback_answers == 1)
        status, told = await service.get("/readyz")
        assert (status, told["reasons"]) == (200, [])
        assert "no golden inference within" in told["engine"]["fault"]
        assert told["engine"]["fallback"]["fault"] == ""
        numbers = await service.metrics()
        assert numbers["alphadiffract_engine_in_order", "echo"] == 0
        assert numbers["alphadiffract_engine_outages_total",] == 1
        assert numbers["alphadiffract_fallback_answers_total",] == 1
        engine = (await service.get("/status"))[1]["engine"]
        assert (engine["in_order"], engine["fallback"]["in_order"]) == (False, True)


async def test_without_a_fallback_that_works_it_is_not_ready():
    class Broken(EchoEngine):
        async def infer(self, patterns):
            raise EngineError("no such card")

    async with watched([], engine=Hanging(), fallback=Broken(), health_timeout=0.1) as service:
        status, told = await service.get("/readyz")
        assert status == 503
        assert "no golden inference within" in told["reasons"][0]
        assert told["reasons"][1] == "fallback echo: no such card"


async def test_a_sink_that_fails_is_named_until_it_takes_documents_again():
    class Moody(MemorySink):
        broken = True

        async def emit(self, name, document):
            if self.broken:
                raise OSError("disk full, password=hunter2")
            await super().emit(name, document)

    moody, source = Moody("jsonl:/data/out"), MemorySource([started()], endless=True)
    async with watched([], sinks=[moody, MemorySink()], sources=[source]) as service:
        await until(lambda: service.service.metrics.sink_errors)
        status, told = await service.get("/readyz")
        assert status == 503
        assert told["reasons"] == ["sink jsonl:/data/out: failing: disk full, password=***"]
        numbers = await service.metrics()
        assert numbers["alphadiffract_sink_open", "jsonl:/data/out"] == 0
        assert numbers["alphadiffract_sink_open", "kept"] == 1
        assert numbers["alphadiffract_sink_errors_total", "jsonl:/data/out"] >= 1
        moody.broken = False
        service.service._emit("start", {"uid": "next"})
        await until(lambda: moody.documents)
        assert (await service.get("/readyz"))[0] == 200


async def test_sources_that_are_away_broken_or_at_their_end():
    class Away(MemorySource):
        trouble = "the connection was lost"

    class Breaking(MemorySource):
        async def __aiter__(self):
            raise OSError("gone")
            yield

    sources = [
        MemorySource([], name="done"),
        Away([], name="away", endless=True),
        Breaking([], name="breaking"),
    ]
    async with watched([], sources=sources) as service:
        await until(lambda: service.service.metrics.sources_ended == {"done", "breaking"})
        status, told = await service.get("/readyz")
        assert status == 503
        assert told["reasons"] == [
            "source away: disconnected: the connection was lost",
            "source breaking: broken: see the log",
        ]
        states = {one["name"]: one["state"] for one in told["sources"]}
        assert states == {"done": "ended", "away": "disconnected", "breaking": "broken"}
        numbers = await service.metrics()
        assert numbers["alphadiffract_source_connected", "away"] == 0
        assert ("alphadiffract_source_connected", "done") not in numbers
        assert numbers["alphadiffract_source_errors_total", "breaking"] == 1
        Away.trouble = ""
        assert (await service.metrics())["alphadiffract_source_connected", "away"] == 1


async def test_a_loop_that_hangs_is_told_and_its_numbers_are_still_read():
    async with watched([started(), marked(1)]) as service:
        await until(lambda: service.service.metrics.predicted == 1)
        paths = ("/healthz", "/readyz", "/status", "/metrics")
        asking = [asyncio.create_task(asyncio.to_thread(asked, service.address + p)) for p in paths]
        await asyncio.sleep(0)
        time.sleep(4)  # noqa: ASYNC251 - that is the point
        health, ready, status, metrics = await asyncio.gather(*asking)
        assert health[0] == ready[0] == status[0] == 503
        for _, text in (health, ready, status):
            assert "the event loop has not turned for 2 s" in text
        assert metrics[0] == 200
        assert "alphadiffract_events_predicted_total 1.0" in metrics[1]
        assert (await service.get("/healthz"))[0] == 200, "and is well once it turns again"


async def test_a_token_keeps_the_account_from_others(tmp_path):
    token = tmp_path / "token"
    token.write_text("t")
    async with watched([], metrics_token_file=token) as service:
        for path in ("/metrics", "/status"):
            assert (await asyncio.to_thread(asked, service.address + path))[0] == 401
        assert await service.get("/readyz") == (200, {"ready": True})
        assert await service.get("/healthz") == (200, {"alive": True})


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"metrics_port": 70_000}, "metrics_port"),
        ({"metrics_key": "k.pem"}, "give metrics_certificate, too"),
        ({"metrics_token_file": "t", "metrics_host": "0.0.0.0"}, "over TLS only"),
    ],
)
def test_settings_that_make_no_sense_are_refused(given, words):
    with pytest.raises(ConfigurationError, match=words):
        Settings.load(**given)
