from __future__ import annotations

import asyncio
import logging

import pytest
from event_model import DocumentNames, schema_validators
from hypothesis import given, settings
from hypothesis import strategies as st

from alphadiffract_stream.pattern import Origin
from alphadiffract_stream.service import Metrics, Service, Settings
from alphadiffract_stream.sources import Dropped, RunStarted, RunStopped
from tests.streams import (
    FLOOR,
    EchoEngine,
    MemorySink,
    MemorySource,
    constant,
    marked,
    marker,
    started,
    stopped,
    unreadable,
    until,
)

QUICK = {"reorder_wait": 0.05, "engine_timeout": 2.0, "sink_timeout": 1.0, "drain_timeout": 5.0}


def made(items, sinks=None, engine=None, **given) -> tuple[Service, MemorySink]:
    sink = MemorySink()
    sources = items if isinstance(items, list) and items and hasattr(items[0], "close") else None
    service = Service(
        sources or [MemorySource(items)],
        [sink, *(sinks or [])],
        engine or EchoEngine(),
        Settings.load(**(QUICK | given)),
    )
    return service, sink


async def served(items, sinks=None, engine=None, **given) -> tuple[Metrics, MemorySink]:
    service, sink = made(items, sinks, engine, **given)
    async with asyncio.timeout(20):
        return await service.run(), sink


def assert_balanced(sink: MemorySink) -> None:
    """Every stop document's account agrees with the events before it."""
    starts = {doc["uid"]: doc for doc in sink.of("start")}
    descriptors = {doc["uid"]: doc["run_start"] for doc in sink.of("descriptor")}
    for stop in sink.of("stop"):
        uid = stop["run_start"]
        events = [e for e in sink.of("event") if descriptors[e["descriptor"]] == uid]
        states = [event["data"]["status"] for event in events]
        assert stop["received"] == len(events)
        assert stop["refused"] == states.count("refused")
        assert stop["failed"] == states.count("failed")
        assert stop["received"] == stop["predicted"] + stop["refused"] + stop["failed"]
        numbers = [event["seq_num"] for event in events]
        assert len(set(numbers)) == len(numbers), "nothing is answered twice"
        starts.pop(uid)
    assert not starts, "every run we opened is closed"


async def test_a_run_is_answered_event_by_event():
    items = [started(), *(marked(n) for n in range(1, 6)), stopped(5)]
    metrics, sink = await served(items)
    names = [name for name, _ in sink.documents]
    assert names == ["start", "descriptor", *["event"] * 5, "stop"]
    for name, document in sink.documents:
        schema_validators[DocumentNames[name]].validate(document)
    start, stop = sink.of("start")[0], sink.of("stop")[0]
    assert start["parents"] == ["run"]
    assert start["sample_name"] == "lime"
    assert sink.seq_nums == [1, 2, 3, 4, 5]
    for event in sink.of("event"):
        data = event["data"]
        assert data["status"] == "ok"
        assert data["lattice_a"] == pytest.approx(FLOOR + marker(event["seq_num"]), rel=0.02)
        assert data["raw_motor"] == event["seq_num"]
        assert 0 <= data["latency_queue"] <= data["latency_total"]
        assert 0 < data["latency_compute"] <= data["latency_total"]
    assert (stop["exit_status"], stop["missing"]) == ("success", 0)
    assert (metrics.received, metrics.predicted, metrics.runs_stopped) == (5, 5, 1)
    assert sink.closed == 1
    assert_balanced(sink)


async def test_bad_patterns_are_answered_and_the_next_good_one_is_predicted():
    items = [started(), unreadable(1), marked(2), constant(3), marked(4), stopped(4)]
    _, sink = await served(items)
    assert sink.statuses == {1: "refused", 2: "ok", 3: "refused", 4: "ok"}
    reasons = [event["data"]["reason"] for event in sink.of("event")]
    assert "pass --energy or --wavelength" in reasons[0]
    assert "constant" in reasons[2]
    assert_balanced(sink)


async def test_late_and_missing_events_are_accounted():
    first = [started(), marked(1), marked(2), marked(5), 0.2, marked(4), marked(9), stopped(10)]
    metrics, sink = await served(first)
    assert sink.seq_nums == [1, 2, 5, 4, 9], "5 waited for its gap, then 4 was late"
    stop = sink.of("stop")[0]
    assert (stop["missing"], stop["missing_seq_nums"]) == (5, [3, 6, 7, 8, 10])
    assert (metrics.late, metrics.missing) == (1, 5)
    assert_balanced(sink)


async def test_an_event_that_comes_again_is_answered_once(caplog):
    metrics, sink = await served(
        [started(), marked(1), marked(1), marked(2), marked(1), stopped(2)]
    )
    assert sink.seq_nums == [1, 2]
    assert metrics.duplicates == 2
    assert "run run seq_num 1 came again" in caplog.text
    assert_balanced(sink)


async def test_two_sources_of_the_same_run_are_one_run():
    both = [MemorySource([started(), 0.01, marked(1), marked(2), 0.1, stopped(3)], name="one")]
    both.append(MemorySource([started(), marked(2), 0.05, marked(3)], name="two"))
    metrics, sink = await served(both, reorder_wait=30.0)
    assert sink.seq_nums == [1, 2, 3]
    assert metrics.duplicates == 1
    assert sink.of("stop")[0]["exit_status"] == "success"


async def test_a_straggler_after_the_stop_still_belongs_to_the_run():
    _, sink = await served([started(), marked(1), stopped(2), 0.01, marked(2)], reorder_wait=30.0)
    assert sink.seq_nums == [1, 2]
    assert sink.of("stop")[0]["missing"] == 0


async def test_what_comes_after_the_run_was_closed_is_counted_not_answered(caplog):
    metrics, sink = await served([started(), marked(1), stopped(1), 0.1, marked(2)])
    assert sink.seq_nums == [1]
    assert (metrics.after_stop, metrics.received) == (1, 1)
    assert "after its run was closed" in caplog.text
    assert_balanced(sink)


async def test_a_replayed_run_is_answered_anew():
    run = [started(), marked(1), marked(2), stopped(2)]
    _, sink = await served([*run, 0.05, *run])
    assert sink.seq_nums == [1, 2, 1, 2]
    assert len({doc["uid"] for doc in sink.of("start")}) == 2
    assert_balanced(sink)


async def test_events_without_their_start_are_answered():
    _, sink = await served([marked(1), marked(2)])
    assert sink.seq_nums == [1, 2]
    assert sink.of("start")[0]["raw_start_missing"] is True
    stop = sink.of("stop")[0]
    assert (stop["exit_status"], stop["predicted"]) == ("abort", 2)
    assert "ended before the run" in stop["reason"]


async def test_a_message_that_cannot_be_handled_does_not_end_the_stream(caplog):
    odd = RunStarted("odd", {"time": object(), "sample": object()})
    items = [RunStarted("bare", {}), marked(1, "bare"), odd, RunStarted([]), started(), marked(1)]
    metrics, sink = await served([*items, stopped(1)])
    assert sink.of("start")[0]["parents"] == ["bare"]
    assert metrics.dropped == 1
    assert "dropped a RunStarted" in caplog.text
    assert metrics.predicted == 2
    assert_balanced(sink)


async def test_a_gap_never_holds_back_more_than_there_is_room_for():
    items = [started(), *(marked(n) for n in range(2, 20)), stopped(19)]
    _, sink = await served(items, queue_size=4, reorder_wait=30.0)
    assert sink.seq_nums == list(range(2, 20))


async def test_the_raw_exit_status_is_kept():
    _, sink = await served([started(), marked(1), RunStopped("run", 1, "fail", "beam dump")])
    stop = sink.of("stop")[0]
    assert (stop["exit_status"], stop["reason"]) == ("fail", "beam dump")


async def test_dropped_bytes_are_logged_with_their_source(caplog):
    metrics, _ = await served([Dropped(Origin("memory", "here"), "a pickle"), started()])
    assert metrics.dropped == 1
    assert "memory here dropped: a pickle" in caplog.text


async def test_an_engine_error_is_tried_again_once():
    _, sink = await served([started(), marked(1), stopped(1)], engine=EchoEngine(failing=[0]))
    assert sink.statuses == {1: "ok"}


async def test_an_engine_that_stays_broken_fails_its_batch_only():
    items = [started(), marked(1), 0.05, marked(2), stopped(2)]
    # Call 2 is the golden inference that tells whether batch or engine is at fault.
    metrics, sink = await served(items, engine=EchoEngine(failing=[0, 1, 3]))
    assert sink.statuses == {1: "failed", 2: "ok"}
    assert "out of order" in sink.of("event")[0]["data"]["reason"]
    assert metrics.engine_errors == 3
    assert_balanced(sink)


async def test_an_engine_that_hangs_fails_in_time():
    engine = EchoEngine(delays=[60.0, 60.0, 0.0])
    _, sink = await served(
        [started(), marked(1), 0.3, marked(2), stopped(2)], engine=engine, engine_timeout=0.05
    )
    assert sink.statuses == {1: "failed", 2: "ok"}
    assert "no answer within 0.05 s" in sink.of("event")[0]["data"]["reason"]


async def test_an_engine_that_raises_what_it_may_not_fails_the_event():
    class Wild(EchoEngine):
        async def infer(self, patterns):
            raise ZeroDivisionError("wild")

    _, sink = await served([started(), marked(1), stopped(1)], engine=Wild())
    assert sink.statuses == {1: "failed"}
    assert "wild" in sink.of("event")[0]["data"]["reason"]


async def test_an_engine_that_answers_too_few_fails_all_of_the_batch():
    class Short(EchoEngine):
        def run(self, patterns):
            return super().run(patterns[:0])

    _, sink = await served([started(), marked(1), stopped(1)], engine=Short())
    assert "0 answers to 1 patterns" in sink.of("event")[0]["data"]["reason"]


async def test_idle_singly_busy_in_batches_in_order():
    engine = EchoEngine(delays=[0.2, 0.001], max_batch=16)
    items = [started(), *(marked(n) for n in range(1, 101)), 1.0, marked(101), stopped(101)]
    _, sink = await served(items, engine=engine)
    assert engine.batches[0] == 1, "the first pattern does not wait for company"
    assert max(engine.batches) > 1
    assert max(engine.batches) <= 16
    assert engine.batches[-1] == 1
    assert engine.most_in_flight == 2
    assert sink.seq_nums == list(range(1, 102))


async def test_a_delay_fills_batches_but_never_when_idle():
    engine = EchoEngine(delays=[0.05])
    items = [
        started(),
        marked(1),
        *(x for n in range(2, 12) for x in (0.001, marked(n))),
        stopped(),
    ]
    _, sink = await served(items, engine=engine, max_delay=0.04)
    assert engine.batches[0] == 1
    assert max(engine.batches) > 1
    assert sink.seq_nums == list(range(1, 12))


async def test_a_full_queue_holds_the_source_back():
    read = 0

    def counted():
        nonlocal read
        yield started()
        for number in range(1, 31):
            read += 1
            yield marked(number)
        yield stopped(30)

    class Slow(MemorySink):
        most = 0

        async def emit(self, name, document):
            await asyncio.sleep(0.002)
            await super().emit(name, document)
            self.most = max(self.most, read - len(self.seq_nums))

    slow = Slow()
    metrics, sink = await served(counted(), sinks=[slow], queue_size=4)
    assert slow.most <= 4 + 1, "the source is at most one ahead of the room there is"
    assert slow.seq_nums == sink.seq_nums == list(range(1, 31))
    assert metrics.received == 30


async def test_a_sink_that_raises_does_not_stop_the_others(caplog):
    class Broken(MemorySink):
        async def emit(self, name, document):
            raise OSError("disk full")

        async def close(self):
            raise OSError("still full")

    items = [started(), marked(1), stopped(1)]
    metrics, sink = await served(items, sinks=[Broken("broken")])
    assert sink.seq_nums == [1]
    assert metrics.sink_errors == {"broken": 5}, "start, descriptor, event, stop and closing"
    assert "broken: event" in caplog.text
    assert "disk full" in caplog.text


async def test_a_sink_that_hangs_is_left_alone():
    class Hanging(MemorySink):
        async def emit(self, name, document):
            await asyncio.sleep(60)

    items = [started(), *(marked(n) for n in range(1, 21)), stopped(20)]
    metrics, sink = await served(
        items, sinks=[Hanging("hung")], sink_timeout=0.02, queue_size=4, reorder_limit=2
    )
    assert sink.seq_nums == list(range(1, 21))
    assert metrics.sink_errors["hung"] == 23


async def test_a_source_that_breaks_closes_its_runs_and_not_the_others():
    def breaking():
        yield started("a")
        yield marked(1, "a")
        raise RuntimeError("cable")

    sources = [MemorySource(breaking(), name="bad")]
    sources.append(MemorySource([started("b"), 0.05, marked(1, "b"), stopped(1, "b")], name="good"))
    metrics, sink = await served(sources)
    assert metrics.source_errors == {"bad": 1}
    states = {doc["exit_status"]: doc["predicted"] for doc in sink.of("stop")}
    assert states == {"abort": 1, "success": 1}


async def test_stop_drains_what_was_accepted():
    engine = EchoEngine(delays=[0.05])
    source = MemorySource([started(), *(marked(n) for n in range(1, 31))], endless=True)
    service, sink = made([source], engine=engine, max_batch=4)
    running = asyncio.create_task(service.run())
    await service.ready.wait()
    await until(lambda: service.metrics.received == 30)
    service.stop()
    await asyncio.wait_for(running, 5)
    assert sink.seq_nums == list(range(1, 31))
    stop = sink.of("stop")[0]
    assert (stop["exit_status"], stop["predicted"]) == ("abort", 30)
    assert "the service was stopped" in stop["reason"]
    assert source.closed.is_set()
    assert_balanced(sink)


async def test_abort_answers_what_is_left_failed():
    engine = EchoEngine(delays=[60.0])
    source = MemorySource([started(), *(marked(n) for n in range(1, 6))], endless=True)
    service, sink = made([source], engine=engine, engine_timeout=60)
    running = asyncio.create_task(service.run())
    await until(lambda: service.metrics.received == 5)
    service.stop()
    await asyncio.sleep(0.02)
    assert not running.done()
    service.abort()
    await asyncio.wait_for(running, 5)
    assert sink.statuses == dict.fromkeys(range(1, 6), "failed")
    assert "aborted before the engine answered" in sink.of("event")[0]["data"]["reason"]
    assert_balanced(sink)


async def test_what_does_not_drain_in_time_is_answered_failed():
    engine = EchoEngine(delays=[60.0])
    _, sink = await served(
        [started(), marked(1)], engine=engine, engine_timeout=60, drain_timeout=0.1
    )
    assert sink.statuses == {1: "failed"}
    assert_balanced(sink)


async def test_background_is_removed_off_the_loop():
    _, sink = await served([started(), marked(1), stopped(1)], background="snip")
    assert "background:snip" in sink.of("event")[0]["data"]["flags"]


async def test_log_records_carry_run_and_seq_num(caplog):
    caplog.set_level(logging.WARNING)
    await served([started(), constant(1), stopped(1)])
    record = next(r for r in caplog.records if "constant" in r.getMessage())
    assert (record.run_uid, record.seq_num) == ("run", 1)


KINDS = {"good": marked, "constant": constant, "unreadable": unreadable}


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_comes_the_account_balances(data):
    """Any order, kinds, repeats, gaps, broken engine calls, batch and queue sizes."""
    numbers = data.draw(st.lists(st.integers(1, 25), max_size=30), label="seq_nums")
    kinds = {n: data.draw(st.sampled_from(sorted(KINDS)), label=f"kind {n}") for n in set(numbers)}
    declared = data.draw(st.none() | st.integers(0, 30), label="declared")
    failing = data.draw(st.sets(st.integers(0, 12)), label="failing calls")
    delays = data.draw(st.lists(st.sampled_from([0.0, 0.002]), min_size=1, max_size=4))
    pauses = data.draw(st.lists(st.sampled_from([0.0, 0.012]), min_size=1, max_size=5))
    items = [started()]
    for place, number in enumerate(numbers):
        items += [pauses[place % len(pauses)], KINDS[kinds[number]](number)]
    metrics, sink = asyncio.run(
        served(
            [*items, stopped(declared)],
            engine=EchoEngine(delays=delays, failing=failing),
            reorder_wait=0.01,
            reorder_limit=data.draw(st.integers(0, 6), label="reorder limit"),
            max_batch=data.draw(st.integers(1, 5), label="batch"),
            max_in_flight=data.draw(st.integers(1, 3), label="in flight"),
            queue_size=data.draw(st.integers(1, 8), label="queue"),
        )
    )
    unique = set(numbers)
    assert_balanced(sink)
    assert set(sink.seq_nums) == unique
    assert metrics.received == len(unique)
    assert metrics.duplicates == len(numbers) - len(unique)
    expected = {n for n in unique if kinds[n] != "good"}
    assert {n for n, status in sink.statuses.items() if status == "refused"} == expected
    for event in sink.of("event"):
        if event["data"]["status"] == "ok":
            expected_a = FLOOR + marker(event["seq_num"])
            assert event["data"]["lattice_a"] == pytest.approx(expected_a, rel=0.03)
    stop = sink.of("stop")[0]
    missing = set(range(1, max([declared or 0, *unique]) + 1)) - unique
    assert stop["missing_seq_nums"] == sorted(missing)
    out_of_order = sum(a > b for a, b in zip(sink.seq_nums, sink.seq_nums[1:], strict=False))
    assert out_of_order <= metrics.late, "only late events leave out of order"
