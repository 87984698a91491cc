from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphadiffract_stream.errors import ConfigurationError
from alphadiffract_stream.sources import (
    Dropped,
    PatternReceived,
    RunStarted,
    RunStopped,
    open_source,
)
from alphadiffract_stream.sources._log_file import documents, log_files
from tests.raw_runs import Named, raw_run


def write(path: Path, *runs: list[Named], pairs: bool = False) -> Path:
    def line(name, document):
        value = [name, document] if pairs else {"name": name, "doc": document}
        return json.dumps(value, default=lambda array: np.asarray(array).tolist()) + "\n"

    path.write_text("".join(line(*named) for run in runs for named in run))
    return path


async def read(url: str, *, recall: bool = False) -> list:
    source = open_source(url)
    if recall:
        source.recall(())
    messages = [message async for message in source]
    await source.close()
    return messages


def shape(messages: list) -> list[tuple]:
    """Kind, run and seq_num."""
    found = []
    for message in messages:
        match message:
            case PatternReceived(pattern):
                found.append(("pattern", pattern.origin.run_uid, pattern.origin.seq_num))
            case RunStarted(uid):
                found.append(("start", uid, None))
            case RunStopped(uid, num_events):
                found.append(("stop", uid, num_events))
    return found


def expected(run: list[Named], n: int) -> list[tuple]:
    uid = run[0][1]["uid"]
    patterns = [("pattern", uid, number) for number in range(1, n + 1)]
    return [("start", uid, None), *patterns, ("stop", uid, n)]


@pytest.mark.parametrize("pairs", [False, True])
async def test_every_run_of_a_log_is_read(tmp_path, pairs):
    one, two = raw_run(3, baseline=True), raw_run(45)
    path = write(tmp_path / "log.jsonl", one, two, pairs=pairs)
    messages = await read(f"log:{path}")
    assert shape(messages) == expected(one, 3) + expected(two, 45)
    pattern = next(m.pattern for m in messages if isinstance(m, PatternReceived))
    expected_intensity = one[4][1]["data"]["det_intensity"]
    np.testing.assert_array_equal(pattern.intensity, expected_intensity)


async def test_one_run_is_found_in_a_log_of_many_that_are_mixed(tmp_path):
    one, two = raw_run(4), raw_run(4)
    mixed = [named for both in zip(one, two, strict=True) for named in both]
    path = write(tmp_path / "log.jsonl", mixed)
    uid = two[0][1]["uid"]
    assert shape(await read(f"log:{path}?run={uid}")) == expected(two, 4)


async def test_a_run_is_found_in_a_folder_by_the_name_of_its_file_or_by_its_contents(tmp_path):
    runs = [raw_run(2) for _ in range(3)]
    uids = [run[0][1]["uid"] for run in runs]
    named = write(tmp_path / f"{uids[0]}.jsonl", runs[0])
    write(tmp_path / "old.ndjson", runs[1])
    newest = write(tmp_path / "new.jsonl", runs[2])
    (tmp_path / "notes.txt").write_text("no log")
    for age, path in enumerate((newest, tmp_path / "old.ndjson", named)):
        os.utime(path, (1e9 - age, 1e9 - age))
    assert log_files(tmp_path, uids[0])[0] == named
    assert log_files(tmp_path)[0] == newest
    assert len(log_files(tmp_path)) == 3
    for run, uid in zip(runs, uids, strict=True):
        assert shape(await read(f"log:{tmp_path}?run={uid}")) == expected(run, 2)
    assert await read(f"log:{tmp_path}?run=nowhere") == []


async def test_predictions_of_the_run_in_the_same_log_are_no_part_of_it(tmp_path):
    run = raw_run(2)
    uid = run[0][1]["uid"]
    ours = raw_run(2, start={"analysis": "alphadiffract", "parents": [uid]})
    path = write(tmp_path / "log.jsonl", ours, run)
    assert shape(await read(f"log:{path}?run={uid}")) == expected(run, 2)


async def test_a_run_that_is_still_written_does_not_stop(tmp_path):
    run = raw_run(3)
    path = write(tmp_path / "log.jsonl", run[:4])
    with path.open("a") as file:
        file.write('{"name": "event", "doc": {"uid"')
    messages = await read(f"log:{path}", recall=True)
    assert [kind for kind, *_ in shape(messages)] == ["start", "pattern", "pattern"]
    assert not [message for message in messages if isinstance(message, Dropped)]


async def test_a_line_that_is_none_is_dropped_and_named(tmp_path):
    run = raw_run(2)
    path = write(tmp_path / "log.jsonl", run)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:3], "half a li\n", "[1, 2]\n", "\n", *lines[3:]]))
    messages = await read(f"log:{path}")
    assert shape(messages) == expected(run, 2)
    reasons = [message.reason for message in messages if isinstance(message, Dropped)]
    assert [reason.split(": ")[0] for reason in reasons] == [f"{path}:4", f"{path}:5"]


async def test_a_line_that_is_too_long_is_never_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("alphadiffract_stream.sources._log_file.DEFAULT_MAX_MESSAGE", 60_000)
    run = raw_run(2)
    path = write(tmp_path / "log.jsonl", run)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:3], "x" * 200_000 + "\n", *lines[3:]]))
    messages = await read(f"log:{path}")
    assert shape(messages) == expected(run, 2)
    (reason,) = [message.reason for message in messages if isinstance(message, Dropped)]
    assert "a line of more than 60000 bytes" in reason


@given(st.binary(max_size=400))
def test_whatever_is_in_a_log_is_a_document_or_an_error(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("log") / "log.jsonl"
    path.write_bytes(content)
    found = list(documents(path)) + list(documents(path, "uid"))
    assert len(found) <= 2 * (content.count(b"\n") + 1)


def test_a_log_that_is_not_there_is_said_at_once(tmp_path):
    with pytest.raises(ConfigurationError, match="no such file or folder"):
        open_source(f"log:{tmp_path}/nowhere")
    with pytest.raises(ConfigurationError, match="unknown option 'uid'"):
        open_source(f"log:{tmp_path}?uid=1")
