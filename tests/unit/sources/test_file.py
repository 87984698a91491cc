from __future__ import annotations

import asyncio
import threading

import numpy as np
import pytest

from alphadiffract_stream.errors import ConfigurationError
from alphadiffract_stream.sources import (
    PatternReceived,
    PatternRefused,
    RunStarted,
    RunStopped,
    open_source,
)
from alphadiffract_stream.sources._file import FileSource


async def messages(source):
    return [message async for message in source]


@pytest.fixture
def folder(tmp_path):
    for number in (1, 2, 10):
        (tmp_path / f"scan_{number}.xy").write_text(f"5 {number}\n6 {number}\n")
    return tmp_path


async def test_files_are_one_run_in_natural_order(folder):
    source = open_source(f"file:{folder}/*.xy", wavelength=0.4)
    started, *received, stopped = await messages(source)
    assert isinstance(started, RunStarted)
    assert started.start["uid"] == started.run_uid
    assert started.start["time"] > 0
    assert started.start["purpose"] == "measurement"
    assert stopped == RunStopped(started.run_uid, 3, "success", "")
    assert all(isinstance(message, PatternReceived) for message in received)
    origins = [message.pattern.origin for message in received]
    assert [message.pattern.intensity[0] for message in received] == [1, 2, 10]
    assert [origin.seq_num for origin in origins] == [1, 2, 3]
    assert {origin.run_uid for origin in origins} == {started.run_uid}
    assert len({origin.descriptor_uid for origin in origins}) == 1
    assert len({origin.event_uid for origin in origins}) == 3
    assert [origin.transport for origin in origins] == ["file"] * 3
    assert origins[2].name == str(folder / "scan_10.xy")
    assert origins[2].time == (folder / "scan_10.xy").stat().st_mtime


async def test_a_bad_file_is_refused_and_the_next_is_read(folder):
    (folder / "scan_2.xy").write_text("5 1\n6 oops\n")
    _, first, bad, last, stopped = await messages(open_source(f"file:{folder}/*.xy"))
    assert isinstance(first, PatternReceived)
    assert isinstance(bad, PatternRefused)
    assert isinstance(last, PatternReceived)
    assert "scan_2.xy:2: oops" in str(bad.error)
    assert bad.origin.name == str(folder / "scan_2.xy")
    assert (bad.origin.seq_num, last.pattern.origin.seq_num) == (2, 3)
    assert stopped.num_events == 3


async def test_a_file_that_vanishes_is_refused(folder):
    source = open_source(f"file:{folder}/*.xy")
    (folder / "scan_1.xy").unlink()
    _, gone, *_ = await messages(source)
    assert isinstance(gone, PatternRefused)
    assert "scan_1.xy" in str(gone.error)


async def test_every_pattern_of_a_stack_is_an_event(tmp_path):
    np.save(tmp_path / "a.npy", np.vstack([np.arange(9.0), np.ones((4, 9))]))
    *_, stopped = await messages(open_source(f"file:{tmp_path}/a.npy"))
    assert stopped.num_events == 4


async def test_the_sources_wavelength_is_for_files_that_name_none(tmp_path):
    (tmp_path / "a.xy").write_text("# wavelength 0.5\n5 1\n6 1\n")
    (tmp_path / "b.xy").write_text("5 1\n6 1\n")
    _, a, b, _ = await messages(open_source(f"file:{tmp_path}/*.xy", wavelength=0.4))
    assert (a.pattern.wavelength, b.pattern.wavelength) == (0.5, 0.4)
    assert b.pattern.wavelength_source == "argument"


async def test_the_urls_options_go_before_the_files(tmp_path):
    (tmp_path / "a.xy").write_text("# wavelength 0.5\n5 1\n6 1\n")
    _, one, _ = await messages(open_source(f"file:{tmp_path}/a.xy?energy=20&unit=q_nm^-1"))
    assert one.pattern.energy == pytest.approx(20)
    assert one.pattern.unit == "q_nm^-1"


@pytest.mark.parametrize("name", ["a#1.xy", "a b.xy", "a[1].xy", "a%41.xy", "å.xy"])
async def test_names_that_are_hard_on_urls(tmp_path, name):
    (tmp_path / name).write_text("5 1\n6 1\n")
    text = f"file:{tmp_path}/{name.replace('%', '%25')}?format=columns"
    _, one, _ = await messages(open_source(text))
    assert one.pattern.origin.name == str(tmp_path / name)


async def test_triple_slash_is_the_same_path(folder):
    assert len(await messages(open_source(f"file://{folder}/scan_1.xy"))) == 3


@pytest.mark.parametrize(
    ("rest", "why"),
    [
        ("/*.none", "no file matches"),
        ("", "a folder"),
        ("/scan_1.xy?wavelength=-1", "wavelength"),
        ("/scan_1.xy?wavelength=1&energy=20", "not both"),
        ("/scan_1.xy?format=bruker", "columns"),
        ("/scan_1.xy?unit=furlong", "unit"),
        ("/scan_1.xy?settel=1", "settel"),
    ],
)
def test_urls_that_make_no_sense(folder, rest, why):
    with pytest.raises(ConfigurationError, match=why):
        open_source(f"file:{folder}{rest}")


@pytest.mark.parametrize("url", ["file:", "file://host/a.xy"])
def test_no_path_or_a_host(url):
    with pytest.raises(ConfigurationError, match="write file:/FOLDER"):
        open_source(url)


async def test_closing_ends_the_run_early_and_says_so(folder):
    source = open_source(f"file:{folder}/*.xy")
    seen = []
    async for message in source:
        seen.append(message)
        if len(seen) == 2:
            await source.close()
            await source.close()
    assert seen[-1].num_events == 1
    assert seen[-1].exit_status == "fail"


async def test_the_event_loop_turns_while_a_file_is_read(folder, monkeypatch):
    """Reading waits for the loop to answer: a source that blocked the loop would never end."""
    turned = threading.Event()
    loop = asyncio.get_running_loop()
    original = FileSource([])._run._options.__class__.read

    def read(self, path, fallback, integrator, hdf5):
        loop.call_soon_threadsafe(turned.set)
        assert turned.wait(30)
        yield from original(self, path, fallback, integrator, hdf5)

    monkeypatch.setattr("alphadiffract_stream.sources._read_options.ReadOptions.read", read)
    received = await messages(open_source(f"file:{folder}/scan_1.xy"))
    assert isinstance(received[1], PatternReceived)
