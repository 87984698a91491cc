"""Runs out of a Tiled catalogue in this process, as TiledWriter has put them in."""

from __future__ import annotations

import asyncio
import warnings

import httpx
import pytest

from alphadiffract_stream.errors import ConfigurationError
from alphadiffract_stream.sources import (
    PatternReceived,
    PatternRefused,
    RunStarted,
    RunStopped,
    open_source,
)
from alphadiffract_stream.sources._tiled import Options, TiledSource
from tests.external_runs import by_stream, patterns, write_hdf5
from tests.raw_runs import diffraction, raw_run
from tests.streams import until

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from bluesky_tiled_plugins import TiledWriter
    from tiled.catalog import in_memory
    from tiled.client import Context, from_context
    from tiled.server.app import build_app


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("tiled")


@pytest.fixture(scope="module")
def catalog(folder):
    storage = [f"file://localhost{folder}/arrays", f"duckdb:///{folder}/tables.db"]
    tree = in_memory(writable_storage=storage, readable_storage=[f"file://localhost{folder}"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Context.from_app(build_app(tree)) as context:
            yield from_context(context)


def write(catalog, documents) -> str:
    """Event by event, as a run that is still going on has to be read."""
    writer = TiledWriter(catalog, batch_size=1)
    for name, document in documents:
        writer(name, document)
    return documents[0][1]["uid"]


def source(catalog, **options) -> TiledSource:
    given = {"poll": 0.05, "rows": 2, **options}
    return TiledSource("tiled:test", Options(**given), None, lambda: catalog)


def check(messages, uid: str, count: int) -> None:
    started, *events, stopped = messages
    assert isinstance(started, RunStarted)
    assert started.run_uid == uid
    assert started.start["scan_id"] == 7
    assert stopped == RunStopped(uid, count)
    for n, message in enumerate(events):
        assert isinstance(message, PatternReceived), message
        pattern = message.pattern
        assert pattern.intensity.tolist() == diffraction(n).tolist()
        assert pattern.energy == pytest.approx(20)
        assert pattern.origin.seq_num == n + 1
        assert pattern.origin.time > 1.7e9
        assert pattern.metadata["data"] == {"temperature": 300 + n}
    assert len(events) == count


@pytest.mark.filterwarnings("ignore")
async def test_a_run_is_read_again(catalog):
    uid = write(catalog, raw_run(5))
    messages = [message async for message in source(catalog, run=uid)]
    check(messages, uid, 5)


@pytest.mark.filterwarnings("ignore")
async def test_the_server_reads_external_data(catalog, folder):
    path = write_hdf5(folder / "a.h5", patterns(5))
    parameters = {"dataset": "/entry/data/data", "chunk_shape": (1, 200)}
    documents = by_stream(path, 5, dtype_numpy="<f8", parameters=parameters)
    uid = write(catalog, documents)
    messages = [message async for message in source(catalog, run=uid)]
    check(messages, uid, 5)


@pytest.mark.filterwarnings("ignore")
async def test_runs_that_come_are_followed_and_older_ones_are_not(catalog):
    old = write(catalog, raw_run(2))
    await asyncio.sleep(0.02)
    following, messages = source(catalog), []
    documents = raw_run(4)
    writer = TiledWriter(catalog, batch_size=1)
    written = 0

    def go_on(count: int) -> None:
        nonlocal written
        for name, document in documents[written : written + count]:
            writer(name, document)
        written += count

    # By turns, since a catalogue in this process is no server that many can ask at once.
    following._pause = lambda: asyncio.to_thread(go_on, 1)
    async for message in following:
        messages.append(message)
        if isinstance(message, RunStopped):
            await following.close()
    check(messages, documents[0][1]["uid"], 4)
    assert old not in following._runs


@pytest.mark.filterwarnings("ignore")
async def test_a_run_without_end_is_closed_with_the_source(catalog):
    documents = raw_run(3)
    uid = write(catalog, documents[:-1])
    reading, messages = source(catalog, run=uid), []
    async for message in reading:
        messages.append(message)
        await reading.close()
    assert isinstance(messages[-1], RunStopped)
    assert messages[-1].exit_status == "fail"


@pytest.mark.filterwarnings("ignore")
async def test_what_cannot_be_used_is_refused(catalog):
    uid = write(catalog, raw_run(2, config={}))
    messages = [message async for message in source(catalog, run=uid)]
    assert [type(m) for m in messages] == [RunStarted, PatternRefused, PatternRefused, RunStopped]


@pytest.mark.filterwarnings("ignore")
async def test_a_run_that_is_not_there_is_said(catalog, caplog):
    messages = [message async for message in source(catalog, run="no-such-run")]
    assert messages == []
    assert "there is no run no-such-run" in caplog.text


async def test_a_server_that_is_away_is_asked_again(caplog):
    calls = []

    def connect():
        calls.append(1)
        raise httpx.ConnectError("refused")

    reading = TiledSource("tiled:test", Options(poll=0.01), None, connect)
    task = asyncio.create_task(anext(aiter(reading), None))
    await until(lambda: len(calls) > 3)
    await reading.close()
    assert await task is None
    assert caplog.text.count("does not answer") == 1


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("tiled:", "write tiled:http"),
        ("tiled://host:8000", "write tiled:http"),
        ("tiled:http://host?poll=0", "poll=0"),
        ("tiled:http://host?key=secret", "unknown option 'key'"),
    ],
)
def test_urls_that_make_no_sense_are_refused(url, reason):
    with pytest.raises(ConfigurationError, match=reason):
        open_source(url)
