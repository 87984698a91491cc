"""A whole benchmark of a tiny network: everything is measured, nothing is lost."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import replace

import pytest
from rich.console import Console
from typer.testing import CliRunner

from alphadiffract_stream.bench import (
    Arrivals,
    Part,
    Plan,
    Report,
    Spread,
    plot,
    run_bench,
    show,
)
from alphadiffract_stream.bench import _paper_way as paper_way
from alphadiffract_stream.bench._stages import STAGES
from alphadiffract_stream.cli import app
from alphadiffract_stream.errors import ConfigurationError, EngineError
from tests.support import make_tiny_model

PAPER = """
import json, sys
print(json.dumps({"description": "fake", "members": 2, "device": "cpu"}), flush=True)
for line in sys.stdin:
    print(json.dumps([100.0, 200.0, 300.0]), flush=True)
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Report:
    folder = tmp_path_factory.mktemp("models")
    engines = tuple(f"onnx:{make_tiny_model(folder, name=name)}?max_batch=4" for name in "ab")
    plan = Plan(
        engines=engines,
        batches=(1, 4, 8),
        loads=(0.1,),
        points=1000,
        seconds=0.4,
        arrivals=Arrivals.POISSON,
        paper_way=True,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paper_way, "COMMAND", (sys.executable, "-c", PAPER))
        return run_bench(plan, progress=False)


def test_every_stage_of_every_engine_is_timed(report):
    assert list(report.stages) == list(report.plan.engines)
    for stages in report.stages.values():
        assert tuple(stages) == STAGES
        assert all(0 < spread.p50 <= spread.p99 for spread in stages.values())


def test_engines_are_timed_at_the_batches_they_accept(report):
    first, second = report.plan.engines
    assert [(row.engine, row.batch) for row in report.batches] == [
        *((first, 1), (second, 1), (first, 4), (second, 4))
    ]
    assert report.batches[0].ratio == 1.0
    row = report.batches[3]
    assert row.rate == pytest.approx(4e3 / row.call.p50)
    assert row.ratio == pytest.approx(report.batches[2].call.p50 / row.call.p50)


def test_every_event_offered_is_answered_once(report):
    assert [row.engine for row in report.loads] == list(report.plan.engines)
    for row, capacity in zip(report.loads, report.capacities, strict=True):
        assert (row.unanswered, row.not_predicted, row.twice) == (0, 0, 0)
        assert row.events >= 20
        assert row.rate == pytest.approx(0.1 * capacity.rate)
        assert capacity.rate > 0


def test_latencies_hang_together(report):
    for row in report.loads:
        assert row.added.p99 == pytest.approx(row.end_to_end.p99 - row.bare.p50)
        assert row.end_to_end.longest >= row.service.longest
        assert row.outside.p50 < row.end_to_end.p50


def test_the_papers_way_is_a_ratio_of_medians(report):
    found = report.paper_way
    assert found is not None
    assert (found.members, found.call.p50) == (2, 200.0)
    assert found.ratio == pytest.approx(200.0 / found.engine.p50)


def test_the_command_shows_whole_numbers_also_into_a_file(report, monkeypatch):
    spreads = {
        name: Spread(100, p50, p50, p50 + 1, p50 + 2, p50 + 3)
        for name, p50 in (("end_to_end", 123.45), ("added", 234.56), ("outside", 345.67))
    }
    slow = replace(report, loads=[replace(report.loads[0], **spreads)])
    monkeypatch.setattr("alphadiffract_stream.bench.run_bench", lambda plan: slow)
    result = CliRunner().invoke(app, ["bench"], env={"COLUMNS": "80"})
    assert result.exit_code == 0, result.output
    for spread in spreads.values():
        assert f"{spread.p50:.2f}" in result.stdout
        assert f"{spread.p99:.2f}" in result.stdout


def test_text_json_and_plot_show_it(report, tmp_path):
    pytest.importorskip("matplotlib")
    text = io.StringIO()
    show(report, Console(file=text, width=160))
    for words in ("decode", "Capacity", "poisson", "The paper's way (fake)"):
        assert words in text.getvalue()
    content = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert content["machine"]["cores"] >= 1
    assert content["loads"][0]["added"]["p99"] == round(report.loads[0].added.p99, 5)
    for ending in (".png", ".svg"):
        plot(report, tmp_path / f"bench{ending}")
        assert (tmp_path / f"bench{ending}").stat().st_size > 5000


def test_a_plot_needs_an_ending_and_something_to_draw(report, tmp_path):
    with pytest.raises(ConfigurationError, match=r"\.svg"):
        plot(report, tmp_path / "bench.txt")
    pytest.importorskip("matplotlib")
    with pytest.raises(ConfigurationError, match="nothing was measured"):
        plot(Report(report.plan, {}), tmp_path / "bench.png")


def test_an_event_that_is_lost_is_said(report):
    text = io.StringIO()
    lost = replace(report.loads[0], unanswered=3)
    show(replace(report, loads=[lost]), Console(file=text, width=160))
    assert "3 events unanswered" in text.getvalue()


def test_without_torch_the_papers_way_says_what_to_install(report, monkeypatch):
    command = (sys.executable, "-c", "raise ModuleNotFoundError('torch')")
    monkeypatch.setattr(paper_way, "COMMAND", command)
    plan = replace(report.plan, parts=frozenset(), engines=report.plan.engines[:1])
    with pytest.raises(ConfigurationError, match=r"alphadiffract-stream\[train\].*torch"):
        run_bench(plan, progress=False)


def test_a_service_that_does_not_start_is_an_error_with_its_log(tmp_path, monkeypatch):
    path = make_tiny_model(tmp_path)
    monkeypatch.setenv("ALPHADIFFRACT_MAX_BATCH", "none")
    plan = Plan(engines=(f"onnx:{path}",), parts=frozenset({Part.LOAD}), seconds=0.2)
    with pytest.raises(EngineError, match=r"serve ended with status 1(.|\n)*max_batch"):
        run_bench(plan, progress=False)


@pytest.mark.parametrize(
    ("wrong", "option"),
    [
        ({"batches": (0,)}, "--batch"),
        ({"loads": (3.0,)}, "--load"),
        ({"points": 3}, "--points"),
        ({"seconds": 0.0}, "--seconds"),
        ({"engines": ()}, "--engine"),
        ({"members": 0}, "--members"),
    ],
)
def test_what_cannot_be_measured_is_said(wrong, option):
    with pytest.raises(ConfigurationError, match=option):
        Plan(**wrong)
