from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import shutil

import h5py
import numpy as np
import pytest

from alphadiffract_stream.errors import ConfigurationError
from alphadiffract_stream.sources import (
    Dropped,
    PatternReceived,
    PatternRefused,
    RunStarted,
    RunStopped,
    open_source,
)
from alphadiffract_stream.sources._folder import Folder

GOOD = "5 1\n6 2\n"


@contextlib.asynccontextmanager
async def watching(folder, query="settle=0.05"):
    """An open source and its messages as a queue; closed, and drained, at the end."""
    source = open_source(f"watch:{folder}?{query}", wavelength=0.4)
    queue: asyncio.Queue = asyncio.Queue()

    async def drain():
        async for message in source:
            queue.put_nowait(message)

    async with asyncio.TaskGroup() as group:
        group.create_task(drain())
        async with asyncio.timeout(60):
            assert isinstance(await queue.get(), RunStarted)
            yield source, queue
        await source.close()


def name(message):
    origin = message.pattern.origin if isinstance(message, PatternReceived) else message.origin
    return os.path.basename(origin.name)


async def test_new_files_are_events_of_one_run(tmp_path):
    async with watching(tmp_path) as (source, queue):
        for number in (1, 2, 3):
            (tmp_path / f"{number}.xye").write_text(GOOD)
            message = await queue.get()
            assert isinstance(message, PatternReceived)
            assert name(message) == f"{number}.xye"
            assert message.pattern.origin.seq_num == number
            assert message.pattern.origin.transport == "watch"
            assert message.pattern.wavelength == 0.4
        await source.close()
        stopped = await queue.get()
        assert isinstance(stopped, RunStopped)
        assert (stopped.num_events, stopped.exit_status) == (3, "success")


async def test_a_file_written_after_opening_and_before_iterating_is_not_missed(tmp_path):
    source = open_source(f"watch:{tmp_path}?settle=0.05")
    (tmp_path / "early.xy").write_text(GOOD)
    async with asyncio.timeout(60):
        async for message in source:
            if isinstance(message, PatternReceived):
                assert name(message) == "early.xy"
                break
        await source.close()


async def test_polling_sees_what_nobody_tells(tmp_path):
    async with watching(tmp_path, "settle=0.05&poll=1") as (_, queue):
        (tmp_path / "a.xy").write_text(GOOD)
        assert name(await queue.get()) == "a.xy"


async def test_existing_files_are_left_unless_asked_for(tmp_path):
    (tmp_path / "old.xy").write_text(GOOD)
    async with watching(tmp_path) as (_, queue):
        (tmp_path / "new.xy").write_text(GOOD)
        assert name(await queue.get()) == "new.xy"
    async with watching(tmp_path, "settle=0.05&existing=1") as (_, queue):
        assert {name(await queue.get()), name(await queue.get())} == {"old.xy", "new.xy"}


async def test_an_existing_file_that_is_overwritten_is_new(tmp_path):
    (tmp_path / "latest.xy").write_text(GOOD)
    async with watching(tmp_path) as (_, queue):
        (tmp_path / "latest.xy").write_text(GOOD * 2)
        assert name(await queue.get()) == "latest.xy"


async def test_a_bad_file_is_refused_and_the_stream_goes_on(tmp_path):
    async with watching(tmp_path) as (_, queue):
        (tmp_path / "bad.xy").write_text("5 1\n6 x\n")
        refused = await queue.get()
        assert isinstance(refused, PatternRefused)
        assert "bad.xy:2: x" in str(refused.error)
        (tmp_path / "good.xy").write_text(GOOD)
        received = await queue.get()
        assert received.pattern.origin.seq_num == 2


async def test_a_file_changed_after_it_was_read_is_reported_once_and_not_read_again(tmp_path):
    async with watching(tmp_path) as (_, queue):
        path = tmp_path / "a.xy"
        path.write_text(GOOD)
        assert isinstance(await queue.get(), PatternReceived)
        path.write_text(GOOD * 3)
        dropped = await queue.get()
        assert isinstance(dropped, Dropped)
        assert "settle" in dropped.reason
        path.write_text(GOOD * 4)
        (tmp_path / "b.xy").write_text(GOOD)
        assert name(await queue.get()) == "b.xy"


async def test_an_hdf5_file_still_held_by_its_writer_is_read_when_it_is_closed(tmp_path):
    made, path = tmp_path / "made", tmp_path / "a.h5"
    with h5py.File(made, "w") as file:
        data = file.create_group("data")
        data.attrs.update({"NX_class": "NXdata", "signal": "I", "axes": ["q"]})
        data["I"], data["q"] = np.ones(9), np.arange(9.0)
        data["q"].attrs["units"] = "1/nm"
    async with watching(tmp_path) as (source, queue):
        with path.open("wb") as held:
            fcntl.flock(held, fcntl.LOCK_EX)  # as HDF5 does in the process that writes
            held.write(made.read_bytes())
            held.flush()
            for number in range(3):  # every one complete only after a.h5 has stood still
                (tmp_path / f"{number}.xy").write_text(GOOD)
                assert name(await queue.get()) == f"{number}.xy"
        assert name(await queue.get()) == "a.h5"
        await source.close()
        assert (await queue.get()).num_events == 4


async def test_a_file_renamed_into_place_is_read_under_its_last_name(tmp_path):
    async with watching(tmp_path) as (_, queue):
        (tmp_path / "a.xy.part").write_text(GOOD)
        (tmp_path / "a.xy.part").rename(tmp_path / "a.xy")
        assert name(await queue.get()) == "a.xy"


async def test_a_file_incomplete_at_the_end_is_reported(tmp_path):
    async with watching(tmp_path, "settle=3600&existing=1") as (source, queue):
        (tmp_path / "slow.xy").write_text(GOOD)
        await source.close()
        dropped, stopped = await queue.get(), await queue.get()
        assert (name(dropped), stopped.num_events) == ("slow.xy", 0)
        assert "before the file was complete" in dropped.reason


async def test_a_folder_that_goes_away_ends_the_run(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    async with watching(folder, "rescan=0.05") as (_, queue):
        shutil.rmtree(folder)
        stopped = await queue.get()
        assert stopped.exit_status == "fail"
        assert str(folder) in stopped.reason


async def test_folders_below_are_watched_on_request(tmp_path):
    (tmp_path / "below").mkdir()
    async with watching(tmp_path, "settle=0.05&recursive=1&pattern=*.dat") as (_, queue):
        (tmp_path / "below" / "a.xy").write_text(GOOD)
        (tmp_path / "below" / "a.dat").write_text(GOOD)
        assert name(await queue.get()) == "a.dat"


@pytest.mark.parametrize(
    ("rest", "why"),
    [("/none", "No such file"), ("?settle=-1", "settle"), ("?patern=*.xy", "patern")],
)
def test_urls_that_make_no_sense(tmp_path, rest, why):
    with pytest.raises(ConfigurationError, match=why):
        open_source(f"watch:{tmp_path}{rest}")


class Clock:
    """Seconds that pass when told to."""

    def __init__(self, monkeypatch):
        self.now = 100.0
        monkeypatch.setattr("alphadiffract_stream.sources._folder.time.monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


def folder_of(tmp_path, **options):
    folder = Folder(tmp_path, **{"pattern": "*", "recursive": False, "settle": 1.0} | options)
    folder.begin(existing=False)
    return folder


def test_a_growing_file_waits_until_it_has_stood_still(tmp_path, clock):
    folder, path = folder_of(tmp_path), tmp_path / "a.xy"
    path.write_text("5 1\n")
    assert folder.look({path}) == ([], [])
    for _ in range(5):
        clock.now += 0.9
        with path.open("a") as stream:
            stream.write("6 1\n")
        assert folder.look(set()) == ([], [])
    clock.now += 0.9
    assert folder.look(set()) == ([], [])
    clock.now += 0.1
    assert folder.look(set()) == ([path], [])
    folder.done(path)
    assert folder.look(None) == ([], [])


def test_an_empty_file_waits_for_its_first_byte_and_not_for_ever(tmp_path, clock):
    folder, path = folder_of(tmp_path), tmp_path / "a.xy"
    path.touch()
    folder.look({path})
    clock.now += 29
    assert folder.look(set()) == ([], [])
    clock.now += 2
    assert folder.look(set()) == ([path], [])


def test_a_file_removed_before_it_is_complete_is_forgotten(tmp_path, clock):
    folder, path = folder_of(tmp_path), tmp_path / "a.xy"
    path.write_text(GOOD)
    folder.look({path})
    path.unlink()
    clock.now += 5
    assert folder.look(set()) == ([], [])
    assert folder.unread() == []


def test_files_complete_together_come_oldest_first(tmp_path, clock):
    folder = folder_of(tmp_path)
    for place, number in enumerate((10, 9, 2, 1)):
        path = tmp_path / f"scan_{number}.xy"
        path.write_text(GOOD)
        os.utime(path, (1000, 1000 + place // 2))
    folder.look(None)
    clock.now += 1
    complete, _ = folder.look(None)
    names = [path.name for path in complete]
    assert names == ["scan_9.xy", "scan_10.xy", "scan_1.xy", "scan_2.xy"]


@pytest.mark.parametrize(
    ("pattern", "matched"),
    [
        ("*", {"a.xy", "b.H5", "sub/c.xye"}),
        ("*.xy", {"a.xy"}),
        ("a*", {"a.xy", "a.log", "a.xy.tmp"}),
        ("sub/*", {"sub/c.xye"}),
    ],
)
def test_which_files_are_meant(tmp_path, pattern, matched):
    (tmp_path / "sub").mkdir()
    names = ["a.xy", "b.H5", "a.log", "sub/c.xye", ".hidden.xy", "a.xy.tmp"]
    folder = folder_of(tmp_path, pattern=pattern, recursive=True)
    assert {n for n in names if folder.matches(folder.path / n)} == matched
