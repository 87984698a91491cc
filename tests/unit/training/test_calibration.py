"""Prior correction, its file and the command."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from training.commands import app
from training.deployment import Calibration, GroupCounts
from training.deployment._calibrate import agreed_probabilities, fit_probabilities, system_sums
from training.deployment._prior import prior_shift
from training.deployment._saved import read_calibration, write_calibration
from training.networks import HeadOutputs, build
from training.reflections import ReflectionStore, SymmetryTables, write_pack

COUNTS = np.full(230, 1)
COUNTS[[1, 13, 224]] = [200, 800, 2000]
NONE = np.zeros(230, np.int64)
ALL_MEASURED = GroupCounts(COUNTS, NONE)


def test_shift_by_hand() -> None:
    number = np.zeros(230, np.int64)
    number[[0, 224]] = [100, 10_000]
    counts = GroupCounts(number, NONE)
    shift = prior_shift(counts, 0.5, "structures")
    # Ratio of the two groups: 1 : 100 wanted, 1 : 10 trained; so one is raised tenfold.
    assert shift.group[224] - shift.group[0] == pytest.approx(np.log(10), rel=1e-5)
    even = prior_shift(counts, 0.5, "uniform")
    assert even.group[0] - even.group[224] == pytest.approx(np.log(10), rel=1e-5)
    assert not prior_shift(counts, 0.5, "training").group.any()
    with pytest.raises(ValueError, match="'best'"):
        prior_shift(counts, 0.5, "best")  # type: ignore[arg-type]


def test_measured_crystals_alone_may_be_expected(store: ReflectionStore) -> None:
    measured, theoretical = NONE.copy(), NONE.copy()
    measured[[0, 13]], theoretical[0] = [10, 1000], 4000
    counts = GroupCounts(measured, theoretical)
    # P1 : P2₁/c is 1 : 100 of the measured; it was drawn as 1010 : 1000.
    shift = prior_shift(counts, 1.0, "measured", theoretical_weight=0.25)
    assert shift.group[13] - shift.group[0] == pytest.approx(np.log(101), rel=1e-4)
    shift = prior_shift(counts, 1.0, "structures", theoretical_weight=0.25)
    assert shift.group[0] - shift.group[13] == pytest.approx(np.log(4010 / 1010), rel=1e-4)
    some = replace(store, theoretical=store.identifier == "zinc")
    counts = GroupCounts.of(some, np.arange(len(some)))
    assert counts.theoretical.sum() == counts.theoretical[193] == 1
    assert counts.measured.sum() == len(store) - 1


def drawn(
    prior: np.ndarray, size: int, seed: int
) -> tuple[HeadOutputs, torch.Tensor, torch.Tensor]:
    """Bayes-right logits of a world with even classes, on samples drawn by `prior`."""
    rng = np.random.default_rng(seed)
    group = rng.choice(230, size, p=prior / prior.sum())
    seen = rng.normal(size=(size, 230))
    seen[np.arange(size), group] += 2.0
    group_logits = torch.tensor(2.0 * seen, dtype=torch.float32)  # ln p(x|g) but for a constant
    system = torch.from_numpy(np.searchsorted([2, 15, 74, 142, 167, 194, 230], group + 1))
    sums = (group_logits.softmax(dim=1) @ system_sums()).clamp_min(1e-9).log()
    outputs = HeadOutputs(sums, group_logits, torch.full((size, 6), 5.0), torch.randn(size, 4))
    return outputs, system, torch.from_numpy(group)


def test_the_declared_prior_is_found_and_raises_likelihood() -> None:
    outputs, system, group = drawn(COUNTS, 3000, 0)
    shift = prior_shift(ALL_MEASURED, 0.0, "structures")  # trained on even classes
    plain = fit_probabilities([outputs], system, group)
    fitted = fit_probabilities([outputs], system, group, shift)
    assert fitted.prior == "structures"
    assert fitted.prior_strength == pytest.approx(1.0, abs=0.1)
    assert fitted.group_temperature == pytest.approx(1.0, abs=0.05)
    test, system, group = drawn(COUNTS, 2000, 1)
    right = []
    for calibration in (plain, fitted):
        pair = agreed_probabilities(
            test.crystal_system, test.space_group, system_sums(), calibration
        )
        right.append((pair[1].argmax(dim=1) == group).float().mean().item())
        torch.testing.assert_close(pair[1] @ system_sums(), pair[0])
    assert right[1] > right[0] + 0.1


def test_strength_can_be_given_and_none_changes_nothing() -> None:
    outputs, system, group = drawn(COUNTS, 500, 0)
    shift = prior_shift(ALL_MEASURED, 0.0, "structures")
    half = fit_probabilities([outputs], system, group, shift, strength=0.5)
    np.testing.assert_allclose(half.group_bias, 0.5 * shift.group, rtol=1e-5)
    off = fit_probabilities([outputs], system, group, shift, strength=0.0)
    assert off.group_bias == ()
    assert off.prior == "training"


def test_temperatures_are_those_of_the_mean() -> None:
    """A mean of honest but differing members is too timid: it wants a temperature below one."""
    torch.manual_seed(0)
    truth = torch.randint(0, 230, (3000,))
    members = []
    for _ in range(4):
        logits = torch.randn(3000, 230)
        logits[torch.arange(3000), truth] += 1.0
        members.append(
            HeadOutputs(torch.randn(3000, 7), logits, torch.ones(3000, 6), logits[:, :4])
        )
    system = torch.bucketize(truth + 1, torch.tensor([2, 15, 74, 142, 167, 194, 230]))
    alone = fit_probabilities(members[:1], system, truth)
    together = fit_probabilities(members, system, truth)
    assert alone.group_temperature == pytest.approx(1.0, abs=0.05)
    assert together.group_temperature < 0.9


def test_file_goes_there_and_back(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    calibration = Calibration(1.5, 0.7, 0.9, prior="uniform", prior_strength=0.5)
    calibration = replace(calibration, group_bias=(0.25,) * 230, system_bias=(0.5,) * 7)
    write_calibration(path, calibration, {"fitted_on": "test"})
    onto = Calibration(lattice_std=(0.1,) * 6, domain_threshold=3.0)
    assert read_calibration(path, onto) == replace(
        calibration,
        lattice_std=onto.lattice_std,
        domain_threshold=3.0,
        domain_mean=onto.domain_mean,
        domain_std=onto.domain_std,
    )
    path.write_text('{"group_share": 1}')
    with pytest.raises(ValueError, match="training calibrate"):
        read_calibration(path)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    network = {"kind": "compact", "points": 512, "channels": [8], "kernels": [3], "depths": [1]}
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"name": "tiny", "network": network}))
    torch.save({"average": build(network).state_dict()}, folder / "checkpoint.pt")
    return folder


def test_command(
    run: Path, store: ReflectionStore, symmetry: SymmetryTables, tmp_path: Path
) -> None:
    write_pack(store, symmetry, tmp_path / "pack.npz")
    rng = np.random.default_rng(0)
    groups = rng.choice([1, 136, 194, 221, 225], 120)
    rows = [{"id": f"made-{i}", "space_group": int(g)} for i, g in enumerate(groups)]
    (tmp_path / "set.json").write_text(json.dumps(rows))
    np.savez(tmp_path / "set.npz", intensity=rng.random((120, 3000)) + 0.1)
    arguments = ["calibrate", str(run), "--data", str(tmp_path / "pack.npz")]
    arguments += ["--output", str(tmp_path / "c.json"), "--on", str(tmp_path / "set.npz")]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    written = json.loads((tmp_path / "c.json").read_text())
    assert written["record"]["fitted_on"] == "set"
    told = written["record"]["other_half"]
    assert set(told) == {"as trained", "temperatures", "and prior: structures"}
    # Only five of 230 groups occur, and the prior knows which.
    assert told["and prior: structures"]["group_nll"] < told["as trained"]["group_nll"] - 0.1
    assert read_calibration(tmp_path / "c.json").prior_strength > 0.5
    rows[3]["id"] = "rruff-0001"
    (tmp_path / "set.json").write_text(json.dumps(rows))
    refused = CliRunner().invoke(app, arguments)
    assert refused.exit_code == 2
    assert "evaluation only" in refused.output
    (tmp_path / "set.json").write_text(json.dumps(rows[:3]))
    np.savez(tmp_path / "set.npz", intensity=np.ones((3, 99)))
    few = CliRunner().invoke(app, arguments)
    assert few.exit_code == 2
    assert "too few" in few.output


def test_a_handful_of_patterns_gives_a_finite_temperature() -> None:
    outputs, system, group = drawn(COUNTS, 4, 0)
    assert 0.04 < fit_probabilities([outputs], system, group).group_temperature < 21
