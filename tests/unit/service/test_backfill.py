"""What is missing of a run is fetched from an archive before the run is closed."""

from __future__ import annotations

import asyncio
import logging

import pytest
from event_model import DocumentNames, schema_validators

from alphadiffract_stream.service import Service, Settings
from alphadiffract_stream.service._account import RunAccount
from tests.streams import (
    EchoEngine,
    LastingSource,
    MemorySink,
    MemorySource,
    marked,
    started,
    stopped,
    unreadable,
    until,
)

QUICK = {"reorder_wait": 0.02, "engine_timeout": 2.0, "sink_timeout": 1.0, "drain_timeout": 5.0}


class Archive:
    """Opens `tries` in turn, the last one again and again; a try that is an error is raised."""

    def __init__(self, *tries) -> None:
        self.tries = list(tries)
        self.opened: list[str] = []
        self.sources: list[MemorySource] = []

    def __call__(self, uid: str) -> MemorySource:
        self.opened.append(uid)
        items = self.tries.pop(0) if len(self.tries) > 1 else self.tries[0]
        if isinstance(items, Exception):
            raise items
        self.sources.append(MemorySource(items, name="archive", endless=items[-1:] == ["..."]))
        return self.sources[-1]


def made(items, archive, *, source=MemorySource, **given) -> tuple[Service, MemorySink]:
    sink = MemorySink()
    endless, engine = given.pop("endless", False), given.pop("engine", None)
    settings = Settings.load(**(QUICK | {"backfill_timeout": 0.4} | given))
    live = source(items, endless=endless)
    return Service([live], [sink], engine or EchoEngine(), settings, archive=archive), sink


async def served(items, archive, **given) -> tuple[Service, MemorySink]:
    service, sink = made(items, archive, **given)
    async with asyncio.timeout(20):
        await service.run()
    return service, sink


def whole(*numbers: int) -> list:
    return [started(), *map(marked, numbers), stopped(len(numbers))]


def flags(sink: MemorySink) -> dict[int, str]:
    return {event["seq_num"]: event["data"]["flags"] for event in sink.of("event")}


def account(sink: MemorySink) -> tuple[int, int, int, int]:
    (stop,) = sink.of("stop")
    assert stop["num_events"] == {"alphadiffract": stop["received"]}
    return stop["received"], stop["predicted"], stop["refused"], stop["missing"]


async def test_what_was_never_sent_is_answered_once_flagged_and_counted():
    archive = Archive(whole(*range(1, 9)))
    items = [started(), marked(1), marked(2), 0.1, marked(4), marked(5), 0.1, stopped(8)]
    service, sink = await served(items, archive)
    assert account(sink) == (8, 8, 0, 0)
    assert sorted(sink.seq_nums) == list(range(1, 9))
    got = {n for n, said in flags(sink).items() if "backfilled" in said.split(",")}
    assert got == {3, 6, 7, 8}
    assert sink.seq_nums[-3:] == [6, 7, 8], "nothing came after them: they have their place"
    assert (service.metrics.backfilled, service.metrics.missing) == (4, 0)
    assert service.metrics.duplicates == 0
    assert archive.opened == ["run"]
    assert all(source.closed.is_set() for source in archive.sources)
    assert [name for name, _ in sink.documents][-1] == "stop"
    for name, document in sink.documents:
        schema_validators[DocumentNames[name]].validate(document)


async def test_an_archived_pattern_that_is_unusable_is_refused():
    archive = Archive([started(), marked(1), unreadable(2), stopped(2)])
    _, sink = await served([started(), marked(1), stopped(2)], archive)
    assert account(sink) == (2, 1, 1, 0)
    assert sink.statuses[2] == "refused"
    assert "backfilled" in flags(sink)[2]


async def test_a_run_with_nothing_missing_asks_nobody():
    archive = Archive(whole(1, 2))
    _, sink = await served(whole(1, 2), archive)
    assert archive.opened == []
    assert account(sink) == (2, 2, 0, 0)


async def test_an_archive_that_comes_back_or_gets_the_run_late_is_asked_again():
    away, not_there, half = OSError("connection refused"), [], [started(), marked(1), marked(2)]
    archive = Archive(away, not_there, half, whole(1, 2, 3))
    _, sink = await served([started(), marked(1), stopped(3)], archive, backfill_timeout=2)
    assert account(sink) == (3, 3, 0, 0)
    assert len(archive.opened) == 4
    assert sink.seq_nums == [1, 2, 3]


@pytest.mark.parametrize(
    ("archived", "reason"),
    [
        (OSError("connection refused"), "connection refused"),
        ([], "no more of it yet"),
        ([started(), marked(1)], "no more of it yet"),
        ([started(), 60.0], "nothing new within 0.4 s"),
        ([started(), marked(1), stopped(2)], "has the whole run"),
    ],
    ids=["away", "not there", "never whole", "hangs", "has it not either"],
)
async def test_what_cannot_be_fetched_stays_missing_and_the_log_says_why(caplog, archived, reason):
    with caplog.at_level(logging.WARNING):
        service, sink = await served([started(), marked(1), stopped(2)], Archive(archived))
    assert account(sink) == (1, 1, 0, 1)
    assert sink.of("stop")[0]["missing_seq_nums"] == [2]
    assert "run run: 1 events stay missing" in caplog.text
    assert reason in caplog.text
    assert (service.metrics.missing, service.metrics.backfilled) == (1, 0)


async def test_an_archive_of_another_run_gives_nothing():
    archive = Archive([started("other"), marked(2, "other"), stopped(2, "other")])
    _, sink = await served([started(), marked(1), stopped(2)], archive)
    assert account(sink) == (1, 1, 0, 1)


async def test_other_runs_go_on_while_one_waits_for_its_archive():
    archive = Archive([started(), 60.0])
    items = [started(), marked(1), stopped(2)]
    items += [0.1, started("b"), marked(1, "b"), marked(2, "b"), stopped(2, "b")]
    service, sink = made(items, archive, endless=True, backfill_timeout=60)
    running = asyncio.create_task(service.run())
    await until(lambda: sink.of("stop"))
    assert sink.of("stop")[0]["received"] == 2
    assert archive.opened == ["run"]
    service.stop()
    async with asyncio.timeout(5):
        await running
    stops = {stop["received"]: stop["missing"] for stop in sink.of("stop")}
    assert stops == {2: 0, 1: 1}, "stopped: the other is closed as it is"


async def test_more_is_missing_than_there_is_room_for():
    """The source of the archive is held back like any other."""
    archive = Archive(whole(*range(1, 101)))
    items = [started(), marked(1), stopped(100)]
    service, sink = await served(items, archive, queue_size=4, reorder_limit=2)
    assert account(sink) == (100, 100, 0, 0)
    assert sink.seq_nums == list(range(1, 101))
    assert service.metrics.backfilled == 99


async def test_under_latest_what_is_fetched_waits_its_turn():
    archive = Archive(whole(*range(1, 41)))
    engine = EchoEngine(delays=[0.01], max_batch=1)
    items = [started(), marked(1), stopped(40)]
    _, sink = await served(items, archive, engine=engine, policy="latest", max_batch=1)
    assert account(sink) == (40, 40, 0, 0)


async def test_a_straggler_of_what_was_backfilled_is_a_duplicate():
    """Also where the archive names another descriptor than the straggler, as Tiled may."""
    archived = [started(), marked(2, descriptor="first"), 0.4, marked(3), stopped(3)]
    items = [started(), marked(1), stopped(3), 0.2, marked(2, descriptor="second"), 1.0]
    service, sink = made(items, Archive(archived), endless=True, backfill_timeout=5)
    running = asyncio.create_task(service.run())
    await until(lambda: sink.of("stop"))
    service.stop()
    await running
    assert account(sink) == (3, 3, 0, 0)
    assert sink.seq_nums == [1, 2, 3]
    assert service.metrics.duplicates == 1


def test_what_was_backfilled_is_known_after_a_restart():
    before = RunAccount()
    before.receive("d", 1)
    before.receive("archive", 2, backfilled=True)
    after = RunAccount.of_state(before.state())
    assert not after.receive("d", 2)
    assert after.receive("e", 1), "another descriptor's own"
    assert not after.lacks(2)
    assert after.lacks(3)


async def test_after_a_restart_what_is_missing_is_fetched(tmp_path):
    """The first service is stopped while it waits for its archive; the second finds it."""
    given = {"spool": tmp_path, "endless": True, "source": LastingSource}
    items = [started(), marked(1), marked(2), stopped(4)]
    first = Archive([started(), marked(3), 60.0])
    service, one = made(items, first, backfill_timeout=60, **given)
    running = asyncio.create_task(service.run())
    await until(lambda: 3 in one.seq_nums)
    service.stop()
    async with asyncio.timeout(5):
        await running
    assert one.seq_nums == [1, 2, 3]
    assert not one.of("stop")

    service, two = made([], Archive(whole(1, 2, 3, 4)), **given)
    running = asyncio.create_task(service.run())
    await until(lambda: two.of("stop"))
    service.stop()
    await running
    assert two.seq_nums == [4], "and nothing twice"
    (stop,) = two.of("stop")
    assert (stop["received"], stop["predicted"], stop["missing"]) == (4, 4, 0)
    assert stop["exit_status"] == "success"
    assert stop["run_start"] == one.of("start")[0]["uid"]
