"""``causes`` and ``ablate`` on tiny networks and textbook crystals."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.support import make_tiny_model
from training.causes import MEASURES, Answers, causes_named, changes, conditions, plan
from training.commands import app
from training.evaluation import mcnemar, paired_share
from training.reflections import ReflectionStore, SymmetryTables, write_pack
from training.trainer import parse_config, read_config

CONFIG = """
name = "tiny"
seed = 3
batch_size = 8
bfloat16 = false
report_every = 2
validate_every = 4
[network]
kind = "compact"
points = 512
channels = [8]
kernels = [3]
depths = [1]
features = 8
[data]
validation_patterns = 8
[schedule]
kind = "triangular"
half_cycle_steps = 2
"""


@pytest.fixture(scope="module")
def pack(
    store: ReflectionStore, symmetry: SymmetryTables, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    path = tmp_path_factory.mktemp("pack") / "pack.npz"
    held_out = replace(store, family=np.zeros_like(store.family))
    write_pack(ReflectionStore.concatenate([store, held_out]), symmetry, path)
    return path


def invoke(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=code == 0)
    assert result.exit_code == code, result.output
    return result.output


def test_causes_are_reported_and_kept(
    pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "causes"
    arguments = ["causes", "--data", pack, "--network", make_tiny_model(tmp_path)]
    arguments += ["--output", out, "--patterns", 5, "--cause", "texture", "--cause", "truncation"]
    invoke(*arguments)
    values = json.loads((out / "causes.json").read_text())
    assert set(values["populations"]) == {"new", "known"}
    new = values["populations"]["new"]
    assert list(new) == [
        "nothing",
        "everything",
        "texture: σ(ln r) 0.5",
        "texture: σ(ln r) 0.25",
        "texture: σ(ln r) 1",
        "truncation: 60 to 100 % kept",
        "without texture",
        "without truncation",
    ]
    assert new["nothing"]["changes"] == {}
    assert set(new["everything"]["changes"]) == set(MEASURES)
    for found in new.values():
        assert np.sum(found["confusion"]) == 5
        right = np.trace(found["confusion"]) / 5
        assert found["shares"]["crystal system"] == pytest.approx(right)
        assert found["too_low"] + found["too_high"] + right == pytest.approx(1)
        for name, change in found["changes"].items():
            reference = new[found["beside"]]["shares"][name]
            assert change["first"] == pytest.approx(reference)
            assert (change["gained"] - change["lost"]) / 5 == pytest.approx(change["difference"])
    written = (out / "report.md").read_text()
    for name in ("alone", "without"):
        assert f"({name}.png)" in written
        assert (out / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert str(tmp_path) not in written

    def never(*_: object, **__: object) -> None:
        raise AssertionError("answers that were kept were asked for again")

    monkeypatch.setattr("training.commands._causes.answered", never)
    invoke(*arguments)
    assert (out / "report.md").read_text() == written
    assert "other settings" in invoke(*arguments, "--seed", 1, code=2)

    # What was not answered yet is left out: here one cause and its two comparisons.
    for digest in {c.digest for c in conditions(causes_named("truncation"))[2:]}:
        for path in (out / "answers").glob(f"*-{digest}.npz"):
            path.unlink()
    invoke(*arguments, "--kept")
    left = json.loads((out / "causes.json").read_text())["populations"]["known"]
    assert [name for name in left if "truncation" in name] == []
    assert "without texture" in left


def test_nothing_answered_is_said(pack: Path, tmp_path: Path) -> None:
    network = make_tiny_model(tmp_path)
    arguments = ["causes", "--data", pack, "--network", network, "--patterns", 5, "--kept"]
    assert "nothing was answered yet" in invoke(*arguments, "--output", tmp_path / "x", code=2)


def test_a_cause_that_is_none_is_refused(pack: Path, tmp_path: Path) -> None:
    text = invoke("causes", "--data", pack, "--output", tmp_path, "--cause", "rain", code=2)
    assert "rain" in text


def test_an_ablation_trains_each_run_once_and_compares(
    pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tiny.toml").write_text(CONFIG, encoding="utf-8")
    rows = [{"id": n, "space_group": 225, "cell": [5.6, 5.6, 5.6, 90, 90, 90]} for n in "ab"]
    (tmp_path / "foreign.json").write_text(json.dumps(rows))
    noise = np.random.default_rng(0).random((2, 3000)) + 0.1
    np.savez(tmp_path / "foreign.npz", intensity=noise, two_theta_step=0.02)
    out = tmp_path / "ablation"
    arguments = ["ablate", tmp_path / "tiny.toml", "--output", out, "--steps", 4, "--data", pack]
    arguments += ["--without", "texture", "--without", "background+humps", "--without", "doublet"]
    arguments += ["--patterns", 8, "--on", tmp_path / "foreign.npz", "--background", "snip"]
    invoke(*arguments)
    values = json.loads((out / "ablation.json").read_text())["runs"]
    folders = ["full-4", "without-texture", "without-background+humps", "without-doublet"]
    assert list(values) == folders
    assert values["full-4"]["augmentation"] == {}
    assert values["without-background+humps"]["augmentation"] == {
        "background_probability": 0.0,
        "hump_probability": 0.0,
    }
    assert set(values["full-4"]["sets"]) == {"held out", "foreign"}
    assert "held out, the cause always on" in values["without-texture"]["sets"]
    for name in ("full-3", *folders):
        assert read_config(out / name / "config.json").data.drawn_with() is not None
    table = (out / "ablation.md").read_text()
    assert "## held out; the full run: crystal system" in table
    assert "| background+humps |" in table
    assert (out / "ablation.png").read_bytes().startswith(b"\x89PNG")

    def never(*_: object, **__: object) -> None:
        raise AssertionError("a finished run was trained again")

    monkeypatch.setattr("training.commands._ensemble.run", never)
    invoke(*arguments)
    assert (out / "ablation.md").read_text() == table


def test_prepared_runs_are_configurations_alone(tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(CONFIG, encoding="utf-8")
    arguments = ["ablate", tmp_path / "tiny.toml", "--output", tmp_path / "runs", "--steps", 2]
    invoke(*arguments, "--without", "grains", "--repeats", 0, "--prepare")
    files = sorted(path.relative_to(tmp_path / "runs") for path in tmp_path.glob("runs/*/*"))
    assert [str(path) for path in files] == ["full-3/config.json", "without-grains/config.json"]
    config = read_config(tmp_path / "runs" / files[1])
    assert config.data.drawn_with().grain_probability == 0


def test_rruff_and_what_cannot_be_left_out_are_refused(pack: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(CONFIG, encoding="utf-8")
    arguments = ["ablate", tmp_path / "tiny.toml", "--output", tmp_path, "--steps", 2]
    assert "RRUFF" in invoke(*arguments, "--on", tmp_path / "rruff_raw.npz", code=2)
    assert "line widths" in invoke(*arguments, "--without", "line widths", code=2)


def test_runs_of_a_plan_differ_in_one_cause() -> None:
    config = parse_config({"name": "x", "seed": 5, "data": {"augmentation": {"strain": 0.01}}})
    runs = plan(config, [("own step", causes_named("own step"))], 1)
    assert [run.folder for run in runs] == ["full-5", "full-6", "without-own-step"]
    assert runs[0].config == config
    assert runs[1].config == replace(config, seed=6)
    assert runs[2].config.seed == 5
    assert runs[2].config.data.augmentation == {"strain": 0.01, "own_step_probability": 0.0}


def test_answers_are_judged_by_hand(tmp_path: Path) -> None:
    group = np.zeros((2, 230))
    group[0, [224, 220, 0, 1, 2]] = 0.5, 0.3, 0.1, 0.06, 0.04
    group[1, [13, 14, 61, 1, 2]] = 0.4, 0.3, 0.2, 0.06, 0.04
    system = np.eye(7)[[6, 2]]
    distances = np.abs(np.arange(230)[:, None] - np.arange(230))
    kept = tmp_path / "answers.npz"
    Answers.of(system, group).save(kept)
    right = Answers.load(kept).right(np.array([225, 15]), distances)
    assert {name: found.tolist() for name, found in right.items()} == {
        "crystal system": [True, False],
        "space group": [True, False],
        "top-5": [True, True],
        "within one edge": [True, True],
    }
    assert "within one edge" not in Answers.load(kept).right(np.array([225, 15]), None)


def test_mcnemar_counts_what_changed() -> None:
    first = np.array([True] * 60 + [False] * 40)
    second = np.array([True] * 50 + [False] * 48 + [True] * 2)
    assert mcnemar(first, first) == (0, 0, 1.0)
    lost, gained, p = mcnemar(first, second)
    assert (lost, gained) == (10, 2)
    # 2 Σ C(12, k) / 2¹², k ≤ 2.
    assert p == pytest.approx(2 * (1 + 12 + 66) / 4096)
    (change,) = changes({"x": first}, {"x": second, "y": second}).values()
    assert change.share == paired_share(first, second)
    assert change.share.decided
