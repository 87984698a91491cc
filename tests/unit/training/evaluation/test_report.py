"""The whole command on a tiny network and a handful of textbook crystals."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.support import make_tiny_model
from training.commands import app
from training.evaluation import Structures, figures, reliability, risk_coverage
from training.evaluation._ensemble import SizePoint
from training.reflections import ReflectionStore, SymmetryTables, write_pack

FIGURES = {"graph_distance", "per_system", "confusion", "parity", "trust", "measured_and_simulated"}


@pytest.fixture(scope="module")
def pack(
    store: ReflectionStore, symmetry: SymmetryTables, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    path = tmp_path_factory.mktemp("pack") / "pack.npz"
    held_out = replace(store, family=np.zeros_like(store.family))
    write_pack(ReflectionStore.concatenate([store, held_out]), symmetry, path)
    return path


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "sets"
    folder.mkdir()
    rng = np.random.default_rng(0)
    rows = [
        {"id": "a", "space_group": 136, "niggli": [2.96, 4.6, 4.6, 90, 90, 90], "formula": "TiO2"},
        {"id": "b", "space_group": 225, "cell": [5.6, 5.6, 5.6, 90, 90, 90], "formula": "NaBr"},
        {"id": "c", "space_group": 14},
    ]
    (folder / "lab.json").write_text(json.dumps(rows))
    np.savez(folder / "lab.npz", intensity=rng.random((3, 3000)) + 0.1, two_theta_step=0.02)
    return folder / "lab.npz"


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, ["evaluate", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_report_of_an_ensemble_on_several_sets(
    pack: Path, measured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    networks = tmp_path / "networks"
    networks.mkdir()
    for name in ("one", "two"):
        make_tiny_model(networks, name=name)
    out = tmp_path / "report"
    arguments = ["--data", measured, "--data", pack, "--network", networks, "--output", out]
    arguments += ["--against", f"other={networks / 'two.onnx'}", "--preset", "both"]
    text = run(*arguments, "--patterns", 6, "--draws", 2, "--background", "lab=snip")
    assert "one 0 on lab" in text
    assert "other on held-out-paper" in text
    written = (out / "report.md").read_text()
    for name in FIGURES | {"ensemble_size"}:
        assert f"({name}.png)" in written
        assert (out / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert (out / f"{name}.png").stat().st_size < 100_000
    values = json.loads((out / "metrics.json").read_text())
    assert set(values["sets"]) == {"lab", "held-out-paper", "held-out-measured"}
    lab, drawn = values["sets"]["lab"], values["sets"]["held-out-paper"]
    assert lab["patterns"] == 3
    assert lab["background"] == "snip"
    assert drawn["background"] is None
    assert drawn["structures"] == 3
    assert drawn["patterns"] == 6
    assert len(lab["ensemble_size"]) == 2
    counts = {name: part["patterns"] for name, part in lab["parts"].items()}
    assert counts == {"seen": 1, "alike": 1, "cell not known": 1, "without seen": 1}
    assert lab["counterpart"]["simulated"]["patterns"] == 1
    assert len(values["beside"]) == 3
    for heading in ("Table 1", "Table 2", "Table 3", "supplementary Table 2", "Figure 3a"):
        assert heading in written
    assert "81.74 ± 0.78" in written
    assert str(tmp_path) not in written


def test_json_alone_and_no_structures(measured: Path, tmp_path: Path) -> None:
    network = make_tiny_model(tmp_path)
    values = json.loads(run("--data", measured, "--network", network, "--json"))
    assert values["lab"]["lattices"] == 2
    assert values["lab"]["within_one_edge"] is None
    assert values["lab"]["parts"] == {}
    assert values["lab"]["baselines"]["prior"] == "the set itself"


def test_a_folder_without_networks_says_what_to_do(measured: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="training export"):
        run("--data", measured, "--network", tmp_path)


def test_mistyped_options_are_named(measured: Path) -> None:
    for arguments in (["--background", "la=snip"], ["--preset", "best"]):
        result = CliRunner().invoke(app, ["evaluate", "--data", str(measured), *arguments])
        assert result.exit_code == 2
        assert arguments[1] in result.output


def test_held_out_sets_are_the_same_each_time_and_never_trained_on(pack: Path) -> None:
    structures = Structures(ReflectionStore.load(pack), SymmetryTables.load(pack))
    one, two = (structures.held_out("measured", 5) for _ in range(2))
    np.testing.assert_array_equal(one.patterns[0].intensity, two.patterns[0].intensity)
    kept, _ = structures.store.split(0.05)
    assert not set(one.structure) & set(kept)
    repeated = structures.held_out("paper", 6, draws=3)
    assert [len(set(repeated.structure)), len(repeated)] == [2, 6]
    assert not np.array_equal(repeated.patterns[0].intensity, repeated.patterns[1].intensity)


def test_figures_say_what_they_show() -> None:
    graph = figures.graph_figure({"set": {"mu 0": [0.5, 0.3, 0.2], "mu 1": [0.5, 0.4, 0.1]}})
    (ax,) = graph.axes
    assert ax.get_xlabel() == "edges from the true space group"
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["mu 0", "mu 1"]
    heights = [bar.get_height() for bar in ax.patches if not bar.get_fill()]
    assert heights == pytest.approx([50, 80, 100, 50, 90, 100])
    sizes = figures.ensemble_figure({"set": [SizePoint(k, 0.5, 0.3, 0, 0, 1) for k in (1, 2)]})
    assert sizes.axes[0].get_ylabel() == "accuracy / %"
    risk = risk_coverage(np.array([0.9, 0.2]), np.array([True, False]))
    curve = reliability(np.array([0.9, 0.2]), np.array([True, False]))
    trust = figures.trust_figure({"set": (curve, curve)}, {"set": (risk, risk)})
    labels = [(ax.get_xlabel(), ax.get_ylabel()) for ax in trust.axes]
    assert labels == 2 * [("confidence", "accuracy")] + 2 * [
        ("most confident patterns / %", "accuracy / %")
    ]
    confusion = figures.confusion_figure({"set": (np.eye(7, dtype=int) * 3).tolist()})
    assert [confusion.axes[0].get_xlabel(), confusion.axes[0].get_ylabel()] == ["predicted", "true"]
    assert {t.get_text() for t in confusion.axes[0].texts} == {"3"}
    parity = figures.Parity(np.full((3, 6), 90.0), np.full((3, 6), 90.0), _errors())
    assert parity_labels(parity)[0] == ("true a / Å", "set\npredicted")


def parity_labels(parity: figures.Parity) -> list[tuple[str, str]]:
    return [(a.get_xlabel(), a.get_ylabel()) for a in figures.parity_figure({"set": parity}).axes]


def _errors() -> dict[str, dict[str, float]]:
    return {name: {"r2": 0.5} for name in ("a", "b", "c", "alpha", "beta", "gamma")}
