from __future__ import annotations

import json

import numpy as np
import pytest
from event_model import DocumentNames, schema_validators
from typer.testing import CliRunner

from alphadiffract_stream.cli import app
from alphadiffract_stream.cli._playback import Pace, raw_documents
from alphadiffract_stream.pattern import Pattern, RadialUnit
from alphadiffract_stream.sources import read_pattern
from alphadiffract_stream.sources._assembler import Assembler, PatternKeys


def replay(*arguments: str):
    return CliRunner().invoke(app, ["replay", *map(str, arguments), "--wait", "0"])


def documents(path) -> list[tuple[str, dict]]:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [(line["name"], line["doc"]) for line in lines]


@pytest.fixture
def files(tmp_path):
    paths = []
    for i, points in enumerate((500, 500, 300)):
        x = np.linspace(2, 40, points)
        paths.append(tmp_path / f"scan_{i}.xy")
        np.savetxt(paths[-1], np.column_stack([x, np.exp(-(((x - 10 - i) / 0.1) ** 2))]))
    return paths


def test_a_log_is_replayed_unchanged(tmp_path):
    log, out = tmp_path / "log.jsonl", tmp_path / "out.jsonl"
    sent = [
        ("start", {"uid": "a", "time": 100.0}),
        ("event", {"uid": "e", "time": 101.0, "seq_num": 1, "data": {"x": [1, 2]}}),
        ("stop", {"uid": "s", "time": 101.5}),
    ]
    first, *rest = (json.dumps({"name": n, "doc": d}) for n, d in sent)
    log.write_text("\n\n".join([json.dumps(sent[0]), *rest]) + "\n")
    assert first != json.dumps(sent[0]), "both forms of a line are read"
    result = replay(log, "--to", f"jsonl:{out}", "--speed", "100")
    assert result.exit_code == 0, result.output
    assert documents(out) == [(n, d) for n, d in sent]
    assert "sent 3 documents, 1 events" in result.stderr


def test_pattern_files_become_valid_raw_runs(files, tmp_path):
    out = tmp_path / "out.jsonl"
    options = ["--rate", "1000", "--wavelength", "0.5"]
    result = replay(*files, "--to", f"jsonl:{out}", *options)
    assert result.exit_code == 0, result.output
    found = documents(out)
    assert [name for name, _ in found] == [
        *("start", "descriptor", "event", "event", "stop"),
        *("start", "descriptor", "event", "stop"),
    ], "another length is another run"
    for name, document in found:
        schema_validators[DocumentNames[name]].validate(document)
    assert found[4][1]["num_events"] == {"primary": 2}


def test_a_file_that_cannot_be_read_is_told_and_left_out(files, tmp_path):
    bad = tmp_path / "bad.xy"
    bad.write_text("no numbers")
    out = tmp_path / "out.jsonl"
    result = replay(bad, files[0], "--to", f"jsonl:{out}", "--rate", "1000", "--energy", "20")
    assert result.exit_code == 2
    assert "not sent" in result.stderr
    assert "bad.xy" in result.stderr
    assert sum(name == "event" for name, _ in documents(out)) == 1


@pytest.mark.parametrize("unit", list(RadialUnit))
def test_our_own_source_reads_the_raw_run_back(unit):
    axis = np.linspace(1.0, 7.0, 200)
    intensity = np.random.default_rng(1).random(200)
    mask = intensity > 0.95
    sent = Pattern(intensity, axis, unit, wavelength=0.4, sigma=np.sqrt(intensity), mask=mask)
    assembler = Assembler(PatternKeys(), "test", "", None)
    messages = [m for name, doc in raw_documents([sent]) for m in assembler.feed(name, doc)]
    got = next(m.pattern for m in messages if hasattr(m, "pattern"))
    assert (got.unit, got.wavelength) == (unit, 0.4)
    np.testing.assert_array_equal(got.axis, sent.axis)
    np.testing.assert_array_equal(got.sigma, sent.sigma)
    np.testing.assert_array_equal(got.intensity[~mask], sent.intensity[~mask])
    assert np.isnan(got.intensity[mask]).all()


def test_pace_keeps_recorded_times_never_backwards():
    pace = Pace(speed=2.0)
    times = [100.0, 104.0, 103.0, None, 110.0]
    dues = [pace.due("event", {} if t is None else {"time": t}) for t in times]
    assert dues == [0.0, 2.0, 2.0, 2.0, 5.0]


def test_pace_at_a_rate_counts_events_also_in_pages():
    pace = Pace(rate=2.0)
    page = {"time": [5.0, 6.0], "seq_num": [1, 2]}
    dues = [pace.due(*d) for d in [("start", {"time": 1}), ("event_page", page), ("event", {})]]
    assert dues == [0.0, 0.0, 1.0]


@pytest.mark.parametrize(
    ("line", "words"),
    [("{", "no JSON"), ('["event"]', "no document"), ('{"name": 1, "doc": {}}', "no document")],
)
def test_a_line_that_is_none_is_named(tmp_path, line, words):
    log = tmp_path / "log.jsonl"
    log.write_text(line + "\n")
    result = replay(log, "--to", f"jsonl:{tmp_path}/out.jsonl")
    assert result.exit_code == 1
    assert f"{log}:1" in result.stderr
    assert words in result.stderr


def test_what_cannot_be_meant_is_said(files, tmp_path):
    log = tmp_path / "log.jsonl"
    to = ["--to", f"jsonl:{tmp_path}/out.jsonl"]
    assert "not both" in replay(log, *to, "--rate", "1", "--speed", "1").stderr
    assert "not both" in replay(log, files[0], *to).stderr
    assert "No such file" in replay(log, *to).stderr
    assert read_pattern(files[0]).wavelength is None
