"""The service with a spool: what it holds when the service dies, and what becomes of it."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import suppress

import numpy as np
import pytest

from alphadiffract_stream.errors import ConfigurationError
from alphadiffract_stream.service import Service, Settings
from alphadiffract_stream.service._spool import _spool
from alphadiffract_stream.sources import Remember, RunStopped
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

QUICK = {"reorder_wait": 0.05, "engine_timeout": 2.0, "sink_timeout": 1.0, "drain_timeout": 5.0}


class Gate(EchoEngine):
    """Answers the first `n` patterns; holds the others for ever."""

    def __init__(self, n: int) -> None:
        super().__init__(max_batch=1)
        self.left = n

    async def infer(self, patterns):
        if not self.left:
            await asyncio.Event().wait()
        self.left -= 1
        return await super().infer(patterns)


class Life:
    """One service on a spool, which can die like a process does: with nothing written any more."""

    def __init__(self, folder, items=(), *, engine=None, source=LastingSource, **given) -> None:
        self.sink = MemorySink()
        self.source = source(items, endless=True)
        settings = Settings.load(**(QUICK | {"spool": folder} | given))
        self.service = Service([self.source], [self.sink], engine or EchoEngine(), settings)
        self.metrics = self.service.metrics
        self.spool = self.service._spool

    async def __aenter__(self) -> Life:
        self.running = asyncio.create_task(self.service.run())
        return self

    async def __aexit__(self, *error) -> None:
        if self.running.cancelled():
            return
        self.service.stop()
        async with asyncio.timeout(20):
            await self.running

    async def die(self) -> None:
        """As a killed process: what is on disk is all there is."""
        await self.spool._writing.acquire()
        self.spool._store.close()
        self.running.cancel()
        self.spool._is_closed = True
        with suppress(asyncio.CancelledError):
            await self.running


def merged(*lives: Life) -> list[tuple[str, dict]]:
    """What a reader keeps that drops documents of a uid it has."""
    seen: set[str] = set()
    kept = []
    for life in lives:
        for name, document in life.sink.documents:
            if document["uid"] not in seen:
                seen.add(document["uid"])
                kept.append((name, document))
    return kept


def assert_whole(documents: list[tuple[str, dict]], n: int) -> None:
    names = [name for name, _ in documents]
    assert names == ["start", "descriptor", *["event"] * n, "stop"]
    start, stop = documents[0][1], documents[-1][1]
    events = [document for name, document in documents if name == "event"]
    assert [event["seq_num"] for event in events] == list(range(1, n + 1))
    assert {event["descriptor"] for event in events} == {documents[1][1]["uid"]}
    assert documents[1][1]["run_start"] == stop["run_start"] == start["uid"]
    assert (stop["received"], stop["missing"]) == (n, 0)
    assert stop["received"] == stop["predicted"] + stop["refused"] + stop["failed"]


async def test_nothing_is_left_of_a_run_that_was_answered(tmp_path):
    items = [started(), marked(1), unreadable(2), marked(3), stopped(3)]
    async with Life(tmp_path, items) as life:
        await until(lambda: life.sink.of("stop"))
    assert_whole(life.sink.documents, 3)
    with sqlite3.connect(tmp_path / "spool.db") as file:
        for table in ("events", "memories", "arrays"):
            assert file.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
        assert file.execute("SELECT uid FROM runs WHERE closed > 0").fetchall() == [("run",)]
    file.close()


async def test_a_killed_service_is_gone_on_with(tmp_path):
    first = [started(), *(marked(n) for n in range(1, 11))]
    async with Life(tmp_path, first, engine=Gate(4)) as before:
        await until(lambda: before.metrics.predicted == 4 and before.metrics.received == 10)
        await asyncio.sleep(0.1)
        await before.die()
    assert before.sink.seq_nums == [1, 2, 3, 4]
    items = [marked(10), marked(11), unreadable(12), marked(3), stopped(12)]
    async with Life(tmp_path, items) as after:
        await until(lambda: after.sink.of("stop"))
        assert after.source.recalled[0].run_uid == "run"
        assert after.source.recalled[0].last_seq_num == 10
    assert after.metrics.duplicates == 2
    documents = merged(before, after)
    assert_whole(documents, 12)
    assert documents[-1][1]["refused"] == 1
    assert [name for name, _ in after.sink.documents] == [*["event"] * 8, "stop"]


async def test_answers_the_spool_did_not_learn_of_are_the_same_again(tmp_path, monkeypatch):
    monkeypatch.setattr(_spool, "_LAZY", 60.0)
    async with Life(tmp_path, [started(), marked(1), marked(2)]) as before:
        await until(lambda: len(before.sink.seq_nums) == 2)
        await before.die()
    async with Life(tmp_path, [stopped(2)]) as after:
        await until(lambda: after.sink.of("stop"))
    assert after.sink.seq_nums[-1] == 2, "answered again"
    assert_whole(merged(before, after), 2)


async def test_a_gap_may_be_filled_after_the_service_was_stopped(tmp_path):
    async with Life(tmp_path, [started(), marked(1), marked(3)], reorder_wait=60.0) as before:
        await until(lambda: before.sink.seq_nums == [1] and before.metrics.batches >= 2)
    assert before.sink.seq_nums == [1]
    async with Life(tmp_path, [marked(2), stopped(3)], reorder_wait=60.0) as after:
        await until(lambda: after.sink.of("stop"))
    assert after.metrics.late == 0
    assert_whole(merged(before, after), 3)


async def test_a_run_is_published_only_when_it_would_be_remembered(tmp_path):
    async with Life(tmp_path, [started(), 0.05, marked(1)]) as life:
        async with life.spool._writing:
            await asyncio.sleep(0.1)
            assert not life.sink.documents
        await until(lambda: life.sink.of("event"))
        await life.die()
    async with Life(tmp_path, [started(), stopped(1)]) as after:
        await until(lambda: after.sink.of("stop"))
    assert_whole(merged(life, after), 1)


async def test_a_spool_has_an_identity_of_its_own_from_which_uids_follow(tmp_path):
    identities = []
    for folder in (tmp_path / "one", tmp_path / "one", tmp_path / "other"):
        async with Life(folder) as life:
            identities.append(life.spool.identity)
    one, again, other = identities
    assert one == again != other


async def test_what_would_not_outlive_the_service_is_told(tmp_path):
    async with Life(tmp_path, [started(), marked(1), marked(2)]) as life:
        async with life.spool._writing:
            await until(lambda: life.metrics.received == 2)
            [run] = life.service.state.status()["runs"]
            assert (run["received"], run["unkept"]) == (2, 2)
        await until(lambda: len(life.sink.seq_nums) == 2)
        [run] = life.service.state.status()["runs"]
        assert (run["received"], run["unkept"]) == (2, 0)


async def test_an_answer_is_published_only_when_its_event_would_be_remembered(tmp_path):
    async with Life(tmp_path, [started(), marked(1)]) as life:
        async with life.spool._writing:
            await until(lambda: life.metrics.batches == 1)
            await asyncio.sleep(0.05)
            assert not life.sink.of("event")
        await until(lambda: life.sink.of("event"))


async def test_a_run_goes_on_after_an_orderly_stop(tmp_path):
    async with Life(tmp_path, [started(), marked(1), marked(2)]) as before:
        await until(lambda: len(before.sink.seq_nums) == 2)
    assert not before.sink.of("stop"), "the raw run has not ended"
    async with Life(tmp_path, [marked(3), stopped(3)]) as after:
        await until(lambda: after.sink.of("stop"))
    assert_whole(merged(before, after), 3)
    assert len(before.sink.documents) + len(after.sink.documents) == 6, "nothing twice"


async def test_a_run_that_had_stopped_is_closed_after_a_restart(tmp_path):
    items = [started(), marked(1), marked(2), stopped(2)]
    async with Life(tmp_path, items, engine=Gate(1)) as before:
        await until(lambda: before.metrics.predicted == 1 and before.metrics.received == 2)
        await asyncio.sleep(0.1)
        await before.die()
    async with Life(tmp_path) as after:
        await until(lambda: after.sink.of("stop"))
    assert_whole(merged(before, after), 2)
    assert after.sink.of("stop")[0]["exit_status"] == "success"


async def test_a_replay_of_an_answered_run_is_not_answered_again(tmp_path):
    items = [started(), marked(1), marked(2), stopped(2)]
    async with Life(tmp_path, items) as before:
        await until(lambda: before.sink.of("stop"))
    async with Life(tmp_path, [started(), marked(1), marked(2), stopped(2)]) as after:
        await until(lambda: after.metrics.after_stop == 2)
    assert not after.sink.documents


async def test_a_run_whose_source_cannot_go_on_is_closed(tmp_path):
    items = [started(), marked(1), marked(2)]
    async with Life(tmp_path, items, engine=Gate(1)) as before:
        await until(lambda: before.metrics.predicted == 1 and before.metrics.received == 2)
        await asyncio.sleep(0.1)
        await before.die()
    async with Life(tmp_path, source=MemorySource) as after:
        await until(lambda: after.sink.of("stop"))
    assert after.sink.seq_nums == [2]
    stop = after.sink.of("stop")[0]
    assert (stop["exit_status"], stop["predicted"]) == ("abort", 2)
    assert "cannot go on" in stop["reason"]


async def test_a_run_nobody_goes_on_with_is_closed_after_a_while(tmp_path):
    async with Life(tmp_path, [started(), marked(1)]) as before:
        await until(lambda: before.sink.of("event"))
    async with Life(tmp_path, resume_wait=0.1) as after:
        await until(lambda: after.sink.of("stop"))
    assert after.sink.of("stop")[0]["exit_status"] == "abort"
    assert "nothing came" in after.sink.of("stop")[0]["reason"]


async def test_what_a_source_must_be_told_again_is_kept(tmp_path):
    axis = np.linspace(1, 2, 5)
    memory = Remember("run", "descriptor", {"uid": "d", "axis": axis, "nan": float("nan")})
    other = Remember("nobody", "descriptor", {"uid": "x"})
    async with Life(tmp_path, [started(), memory, other, marked(1)]) as before:
        await until(lambda: before.sink.of("event"))
    async with Life(tmp_path) as after:
        await until(lambda: after.source.recalled)
    (run,) = after.source.recalled
    ((name, document),) = run.documents
    assert name == "descriptor"
    np.testing.assert_array_equal(document["axis"], axis)


async def test_a_flood_goes_to_disk_and_is_caught_up_with(tmp_path):
    n = 150
    items = [started(), *(marked(i) for i in range(1, n + 1)), stopped(n)]
    engine = EchoEngine(delays=[0.01], max_batch=4)
    async with Life(tmp_path, items, engine=engine, queue_size=16, reorder_limit=4) as life:
        await until(lambda: life.metrics.received == n)
        assert life.spool.backlog > n / 2, "the source was not held back"
        await until(lambda: life.sink.of("stop"))
    assert_whole(life.sink.documents, n)
    lattices = [event["data"]["lattice_a"] for event in life.sink.of("event")]
    expected = [4.0 + i % 50 + 1.0 for i in range(1, n + 1)]
    assert lattices == pytest.approx(expected, rel=0.02)


async def test_a_backlog_outlives_the_service(tmp_path):
    n = 100
    items = [started(), *(marked(i) for i in range(1, n + 1)), stopped(n)]
    given = {"queue_size": 8, "reorder_limit": 4}
    async with Life(tmp_path, items, engine=Gate(10), **given) as before:
        await until(lambda: before.metrics.predicted == 10 and before.metrics.received == n)
        await asyncio.sleep(0.1)
        await before.die()
    async with Life(tmp_path, **given) as after:
        await until(lambda: after.sink.of("stop"))
    assert_whole(merged(before, after), n)


async def test_what_is_unanswered_at_an_abort_is_answered_after_a_restart(tmp_path):
    items = [started(), *(marked(i) for i in range(1, 6))]
    async with Life(tmp_path, items, engine=Gate(2), drain_timeout=0.2) as before:
        await until(lambda: before.metrics.predicted == 2 and before.metrics.received == 5)
    assert set(before.sink.statuses.values()) == {"ok"}
    async with Life(tmp_path, [stopped(5)]) as after:
        await until(lambda: after.sink.of("stop"))
    assert_whole(merged(before, after), 5)


async def test_a_full_spool_holds_the_source_back(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(_spool, "_UNWRITTEN", 1 << 30)
    n = 60
    items = [started(), *(marked(i) for i in range(1, n + 1)), stopped(n)]
    opened = asyncio.Event()
    engine = EchoEngine()
    infer = engine.infer

    async def closed(patterns):
        await opened.wait()
        return await infer(patterns)

    engine.infer = closed
    async with Life(tmp_path, items, engine=engine, queue_size=4, reorder_limit=2) as life:
        life.spool._size = 150 << 10  # smaller than a setting may be
        await until(lambda: "full" in caplog.text)
        await asyncio.sleep(0.1)
        assert 4 < life.metrics.received < n
        opened.set()
        await until(lambda: life.sink.of("stop"))
    assert_whole(life.sink.documents, n)
    assert 1 <= caplog.text.count("sources are held back") < 10, "told, not chanted"


async def test_a_full_disk_is_told_and_the_service_goes_on(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(_spool, "_RETRY", 0.05)
    caplog.set_level("INFO")
    gone = False
    items = iter([started(), marked(1), marked(2), 0.5, marked(3), stopped(3)])
    async with Life(tmp_path, items) as life:
        write = life.spool._store.write

        def full(batch):
            if not gone:
                raise sqlite3.OperationalError("database or disk is full")
            return write(batch)

        life.spool._store.write = full
        await until(lambda: len(life.sink.seq_nums) == 2)
        assert life.metrics.spool_errors
        readiness = await life.service.state.readiness()
        assert any("disk is full" in reason for reason in readiness["reasons"])
        gone = True
        await until(lambda: life.sink.of("stop"))
        await until(lambda: not life.spool.trouble)
    assert_whole(life.sink.documents, 3)
    assert "disk is full" in caplog.text
    assert "can be written to again" in caplog.text


def test_a_spool_is_of_one_service(tmp_path):
    settings = Settings.load(spool=tmp_path)
    first = Service([MemorySource([])], [], EchoEngine(), settings)
    with pytest.raises(ConfigurationError, match="in use by another service"):
        Service([MemorySource([])], [], EchoEngine(), settings)
    first._spool._store.close()


def test_a_damaged_spool_is_refused_with_the_remedy(tmp_path):
    (tmp_path / "spool.db").write_bytes(b"this is no data base" * 1000)
    with pytest.raises(ConfigurationError, match=r"damaged .* move spool\.db"):
        Service([MemorySource([])], [], EchoEngine(), Settings.load(spool=tmp_path))


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match=r"spool=.*cannot be used"):
        Service([MemorySource([])], [], EchoEngine(), Settings.load(spool=tmp_path / "file" / "x"))


async def test_another_model_after_the_restart_is_named(tmp_path):
    async with Life(tmp_path, [started(), marked(1)]) as before:
        await until(lambda: before.sink.of("event"))
    engine = EchoEngine()
    engine.card = engine.card.model_copy(update={"sha256": "1", "version": "2"})
    async with Life(tmp_path, [marked(2), stopped(2)], engine=engine) as after:
        await until(lambda: after.sink.of("stop"))
    assert_whole(merged(before, after), 2)
    assert after.sink.of("event")[0]["data"]["flags"].endswith("model:echo-2")


async def test_a_released_run_is_forgotten(tmp_path):
    items = [started(), marked(1), 0.1, RunStopped("run", released=True)]
    async with Life(tmp_path, items) as before:
        await until(lambda: before.metrics.runs_stopped == 1)
    async with Life(tmp_path) as after:
        await asyncio.sleep(0.05)
        assert not list(after.service._runs)
    assert not after.sink.documents
