"""``ensemble``, ``distill``, ``curve`` and ``export`` on tiny networks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner, Result

from alphadiffract_stream.prediction import ModelCard
from training.commands import app
from training.commands._curve import thinned
from training.evaluation import paired_share
from training.networks import HeadOutputs
from training.reflections import ReflectionStore, SymmetryTables, write_pack
from training.trainer import (
    DistillConfig,
    LossConfig,
    member_folders,
    open_members,
    parse_config,
    read_metrics,
    training_loss,
)
from training.trainer._teacher import Lesson, distilled, divergence

CONFIG = """
name = "tiny"
seed = 3
batch_size = 8
bfloat16 = false
report_every = 2
validate_every = 4
{top}
[network]
kind = "compact"
points = 512
channels = [8]
kernels = [3]
depths = [1]
features = {features}
[network.heads]
sigma = true
[data]
validation_patterns = 8
engine = "device"
[loss]
lattice = "laplace"
[schedule]
warmup_steps = 2
decay_steps = 2
peak = 5e-3
"""


@pytest.fixture
def folder(store: ReflectionStore, symmetry: SymmetryTables, tmp_path: Path) -> Path:
    fields = {name: getattr(store, name) for name in ReflectionStore.__dataclass_fields__}
    other = ReflectionStore(**{**fields, "family": np.zeros_like(store.family)})
    write_pack(ReflectionStore.concatenate([store, other]), symmetry, tmp_path / "pack.npz")
    (tmp_path / "tiny.toml").write_text(CONFIG.format(features=16, top=""), encoding="utf-8")
    return tmp_path


def invoke(folder: Path, *arguments: object, code: int = 0) -> Result:
    result = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=code == 0)
    assert result.exit_code == code, result.output
    return result


def ensemble(folder: Path, *arguments: object, code: int = 0) -> Result:
    data = ("--data", folder / "pack.npz", "--output", folder / "both")
    return invoke(folder, "ensemble", folder / "tiny.toml", *arguments, *data, code=code)


def test_members_are_trained_once_each_to_the_end_of_their_decay(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ensemble(folder, "--members", 2, "--steps", 4)
    rows = json.loads((folder / "both" / "ensemble.json").read_text())["members"]
    assert [(r["folder"], r["seed"], r["step"]) for r in rows] == [
        ("tiny-3", 3, 6),
        ("tiny-4", 4, 6),
    ]
    assert all("val_group" in row for row in rows)
    first, second = open_members(member_folders([folder / "both"]))
    weights = [n.heads.space_group.weight for n in (first, second)]  # type: ignore[union-attr]
    assert (weights[0] - weights[1]).abs().max() > 1e-3

    def never(*_: object, **__: object) -> None:
        raise AssertionError("a finished member was trained again")

    monkeypatch.setattr("training.commands._ensemble.run", never)
    ensemble(folder, "--members", 2, "--steps", 4)


def test_a_killed_ensemble_goes_on_where_it_was(folder: Path) -> None:
    """As a kill leaves it: a member with a checkpoint and no mark of being finished."""
    ensemble(folder, "--members", 1, "--steps", 4)
    whole = torch.load(folder / "both" / "tiny-3" / "checkpoint.pt", weights_only=True)
    member = folder / "cut" / "tiny-3"
    data = ("--data", folder / "pack.npz")
    invoke(folder, "train", folder / "tiny.toml", "--output", member, "--max-steps", 3, *data)
    arguments = ("--members", 1, "--steps", 4, "--output", folder / "cut", *data)
    invoke(folder, "ensemble", folder / "tiny.toml", *arguments)
    again = torch.load(member / "checkpoint.pt", weights_only=True)
    assert again["step"] == whole["step"] == 6
    for name, value in whole["network"].items():
        torch.testing.assert_close(again["network"][name], value, msg=name)


def test_time_spent_on_a_member_counts(folder: Path) -> None:
    data = ("--data", folder / "pack.npz")
    member = folder / "both" / "tiny-3"
    invoke(folder, "train", folder / "tiny.toml", "--output", member, "--max-steps", 2, *data)
    saved = torch.load(member / "checkpoint.pt", weights_only=True)
    assert saved["seconds"] > 0
    torch.save({**saved, "seconds": 1000.0}, member / "checkpoint.pt")
    ensemble(folder, "--members", 1, "--seconds", 900)
    row = json.loads((folder / "both" / "ensemble.json").read_text())["members"][0]
    assert row["step"] == 2


# Raised inside torch.export itself.
@pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning")
def test_runs_are_collected_exported_as_one_and_taught_to_another(folder: Path) -> None:
    """The whole way: two members, a folder that names them, one file, a student."""
    data = ("--data", folder / "pack.npz")
    for seed in (3, 4):
        text = CONFIG.format(features=16, top="").replace("seed = 3", f"seed = {seed}")
        (folder / "one.toml").write_text(text, encoding="utf-8")
        run = folder / f"run{seed}"
        invoke(folder, "train", folder / "one.toml", "--output", run, "--max-steps", 40, *data)
    runs = [a for seed in (3, 4) for a in ("--collect", folder / f"run{seed}")]
    invoke(folder, "ensemble", "--output", folder / "both", *runs)
    assert [f.name for f in member_folders([folder / "both"])] == ["run3", "run4"]

    path = folder / "net.onnx"
    invoke(folder, "export", folder / "both", "--output", path, "--fused", "--patterns", 8, *data)
    card = ModelCard.read(path)
    assert card.members == 2
    assert card.lattice_std is None  # members give their own
    assert [m["seed"] for m in card.config["members"]] == [3, 4]
    assert len(card.metrics["held_out_simulated"]["val_group_each_member"]) == 2

    student = CONFIG.format(features=8, top="ema_decay = 0.9")
    (folder / "student.toml").write_text(student + "[distill]\nweight = 0.9\n", encoding="utf-8")
    out = folder / "student"
    command = ("distill", folder / "student.toml", "--teacher", folder / "both", "--output", out)
    result = invoke(folder, *command, "--max-steps", 40, *data)
    assert "KL(teachers" in result.output
    values = [r["val_divergence"] for r in read_metrics(out) if "val_divergence" in r]
    assert values[-1] < 0.5 * values[0]
    # `train` on the folder's configuration goes on with the same teachers.
    invoke(folder, "train", out / "config.json", "--output", out, "--max-steps", 42)

    invoke(folder, "curve", folder / "run3", out)
    assert (folder / "run3" / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_two_runs_are_compared_on_the_same_patterns(folder: Path) -> None:
    edges = [[n, n - 1, 2, "t"] for n in range(2, 231)]
    (folder / "edges.json").write_text(json.dumps(edges), encoding="utf-8")
    data = ("--data", folder / "pack.npz")
    for name, steps in (("short", 1), ("long", 3)):
        run = folder / name
        invoke(folder, "train", folder / "tiny.toml", "--output", run, "--max-steps", steps, *data)
    options = ("--subgroups", folder / "edges.json", "--patterns", 8)
    same = invoke(folder, "compare", folder / "long", folder / "long", *options).output
    assert "held out: 8 patterns" in same
    assert "+0.00 ± 0.00" in same
    assert (
        "mean distance"
        in invoke(folder, "compare", folder / "short", folder / "long", *options).output
    )


def test_differences_are_paired_by_pattern() -> None:
    first = np.array([True, False, True, False] * 100)
    second = np.array([True, True, True, False] * 100)
    row = paired_share(first, second)
    assert (row.first, row.second) == (0.5, 0.75)
    assert row.difference == 0.25
    # One pattern in four changes: the variance is 1/4 · 3/4.
    assert row.interval == pytest.approx(1.96 * (3 / 16 / 400) ** 0.5, rel=1e-2)


def test_what_makes_no_ensemble_is_refused(folder: Path) -> None:
    assert "--steps or --seconds" in ensemble(folder, code=2).output
    assert "--collect" in invoke(folder, "ensemble", "--output", folder / "x", code=2).output
    with pytest.raises(FileNotFoundError, match="neither a run"):
        member_folders([folder])


def test_distillation_by_hand() -> None:
    outputs = HeadOutputs(
        torch.zeros(2, 7), torch.zeros(2, 230), torch.full((2, 6), 90.0), torch.zeros(2, 1)
    )
    lesson = Lesson(torch.eye(7)[:2], torch.full((2, 230), 1 / 230), torch.full((2, 6), 88.0))
    losses = {"total": torch.tensor(5.0)}
    config = DistillConfig(weight=0.25, temperature=1.0)
    loss = LossConfig(lattice="paper", lattice_weight=0.5)
    row = distilled(losses, outputs, lesson, config, loss)
    assert row["soft"].item() == pytest.approx(np.log(7), rel=1e-4)
    assert row["taught_lattice"].item() == pytest.approx(4.0)
    assert row["total"].item() == pytest.approx(0.75 * 5 + 0.25 * (np.log(7) + 0.5 * 4), rel=1e-4)


def test_divergence_vanishes_for_a_student_that_agrees() -> None:
    logits = torch.randn(5, 230)
    assert divergence(logits, logits.softmax(dim=1), 3.0).item() == pytest.approx(0, abs=1e-4)
    assert divergence(logits, torch.eye(230)[:5]) > 1


def test_likelihoods_are_least_where_the_std_is_the_errors() -> None:
    generator = torch.Generator().manual_seed(0)
    for kind, draw in (
        ("gaussian", torch.randn(4000, 6, generator=generator)),
        ("laplace", torch.distributions.Laplace(0, 0.5**0.5).sample((4000, 6))),
    ):
        true = torch.full((4000, 6), 60.0)
        predicted = torch.cat([true[:, :3] * (0.02 * draw[:, :3]).exp(), 60 + draw[:, 3:]], dim=1)
        losses = [_likelihood(kind, predicted, true, factor) for factor in (0.7, 1.0, 1.4)]
        assert losses[1] < min(losses[0], losses[2]), kind


def _likelihood(kind: str, predicted: torch.Tensor, true: torch.Tensor, factor: float) -> float:
    std = factor * torch.cat([0.02 * predicted[:, :3], torch.ones(4000, 3)], dim=1)
    nothing = torch.zeros(4000, 7), torch.zeros(4000, 230)
    outputs = HeadOutputs(*nothing, predicted, torch.zeros(4000, 1), std)
    labels = torch.zeros(4000, dtype=torch.long)
    config = LossConfig(lattice=kind)  # type: ignore[arg-type]
    return training_loss(outputs, labels, labels, true, torch.zeros(230, 230), config)[
        "lattice"
    ].item()


def test_a_likelihood_wants_a_std() -> None:
    outputs = HeadOutputs(
        torch.zeros(1, 7), torch.zeros(1, 230), torch.full((1, 6), 5.0), torch.zeros(1, 1)
    )
    label = torch.zeros(1, dtype=torch.long)
    with pytest.raises(ValueError, match=r"network\.heads\.sigma"):
        training_loss(
            outputs,
            label,
            label,
            outputs.lattice,
            torch.zeros(230, 230),
            LossConfig(lattice="laplace"),
        )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"weight": 0.0}, "distill.weight: 0.0"),
        ({"temperature": -1}, "distill.temperature: -1.0"),
        ({"teachers": "runs/a"}, "distill.teachers: 'runs/a' is not a list"),
    ],
)
def test_distill_sections_are_read_strictly(values: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_config({"name": "x", "distill": values})


def test_long_curves_are_thinned_by_means() -> None:
    steps, values = thinned([(i, float(i)) for i in range(1000)])
    assert len(steps) == 334
    assert values[0] == pytest.approx(1.0)
    assert thinned([]) == ([], [])
