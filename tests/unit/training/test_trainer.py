from __future__ import annotations

import json
import os
import signal
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from training.networks import HeadOutputs, LogAxis, build, scale_to_unit
from training.reflections import ReflectionStore
from training.trainer import (
    LossConfig,
    OptimizerName,
    ScheduleConfig,
    TrainingConfig,
    graph_distances,
    learning_rate,
    load_average,
    parse_config,
    read_config,
    train,
    training_loss,
    write_pieces,
)
from training.trainer._pace import StopRequest

TINY = {
    "kind": "compact",
    "points": 1024,
    "channels": [8, 8],
    "kernels": [3, 3],
    "depths": [1, 1],
    "features": 16,
}
CONFIGS = Path(__file__).resolve().parents[3] / "training" / "configs"


@pytest.fixture
def config(store: ReflectionStore, tmp_path: Path) -> TrainingConfig:
    # One family must be held out, so the store is doubled under other families.
    other = ReflectionStore(
        store.identifier,
        np.zeros_like(store.family),
        store.space_group_number,
        store.cell,
        store.to_niggli,
        store.offsets,
        store.hkl,
        store.strength,
        store.theoretical,
    )
    ReflectionStore.concatenate([store, other]).save(tmp_path / "reflections.npz")
    (tmp_path / "edges.json").write_text(
        json.dumps([[n, n - 1, 2, "t"] for n in range(2, 231)]), encoding="utf-8"
    )
    return parse_config(
        {
            "name": "tiny",
            "network": TINY,
            "batch_size": 8,
            "bfloat16": False,
            "validate_every": 2,
            "report_every": 1,
            "data": {
                "reflections": tmp_path / "reflections.npz",
                "subgroups": tmp_path / "edges.json",
                "validation_patterns": 8,
            },
            "schedule": {"warmup_steps": 2, "decay_steps": 2},
        }
    )


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_a_run_cut_in_two_is_the_same_run(
    config: TrainingConfig, tmp_path: Path, optimizer: OptimizerName
) -> None:
    config = replace(config, optimizer=optimizer)
    whole = train(config, tmp_path / "whole", max_steps=6)
    train(config, tmp_path / "cut", max_steps=3)
    resumed = train(config, tmp_path / "cut", max_steps=6)
    for name, value in whole.network.state_dict().items():
        torch.testing.assert_close(resumed.network.state_dict()[name], value, msg=name)
    assert resumed.step == 6


def test_finishing_decays_to_zero_and_ends(config: TrainingConfig, tmp_path: Path) -> None:
    train(config, tmp_path / "run", max_steps=3)
    done = train(config, tmp_path / "run", finish=True)
    assert done.step == 5
    assert done.finish_from == 3


def test_loss_falls_on_textbook_crystals(config: TrainingConfig, tmp_path: Path) -> None:
    rows: list[dict] = []
    train(config, tmp_path / "run", max_steps=40, report=rows.append)
    losses = [row["total"] for row in rows if "total" in row]
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])


def test_equation_6_by_hand() -> None:
    logits = torch.zeros(2, 7), torch.zeros(2, 230)
    lattice = torch.tensor([[4.0, 5, 6, 90, 90, 90]] * 2)
    outputs = HeadOutputs(*logits, lattice, torch.zeros(2, 4))
    distances = torch.full((230, 230), 3.0).fill_diagonal_(0)
    target = torch.tensor([0, 6]), torch.tensor([0, 224])
    loss = training_loss(
        outputs, *target, lattice + 1, distances, LossConfig(gemd=2.0, lattice="paper")
    )
    assert loss["system"].item() == pytest.approx(np.log(7))
    assert loss["group"].item() == pytest.approx(np.log(230))
    assert loss["gemd"].item() == pytest.approx(3 * 229 / 230)
    assert loss["lattice"].item() == pytest.approx(1.0)
    expected = np.log(7) + np.log(230) + 2 * 3 * 229 / 230 + 1
    assert loss["total"].item() == pytest.approx(expected)


def test_subgroup_graph_of_the_reference_data(data_dir: Path) -> None:
    distance = graph_distances(data_dir / "spacegroups" / "maxsub_edges.json")
    assert (distance == distance.T).all()
    assert distance.max() == 6
    assert distance[224, 226 - 1] >= 1
    assert distance[0, 1] == 1  # P1 is a maximal subgroup of P-1


def test_disconnected_graph_is_refused(tmp_path: Path) -> None:
    (tmp_path / "edges.json").write_text("[[2, 1, 2, 't']]".replace("'", '"'))
    with pytest.raises(ValueError, match="not connected"):
        graph_distances(tmp_path / "edges.json")


def test_triangular_cycles_halve() -> None:
    schedule = ScheduleConfig(kind="triangular", peak=2e-4, half_cycle_steps=10)
    assert learning_rate(schedule, 0) == pytest.approx(2e-5)
    assert learning_rate(schedule, 10) == pytest.approx(2e-4)
    assert learning_rate(schedule, 20) == pytest.approx(2e-5)
    assert learning_rate(schedule, 30) == pytest.approx(2e-5 + 0.5 * 1.8e-4)


def test_every_shipped_configuration_builds() -> None:
    paths = sorted(CONFIGS.glob("*.toml"))
    assert paths
    for path in paths:
        config = read_config(path)
        assert sum(p.numel() for p in build(config.network).parameters()) > 0
        config.data.drawn_with()


def test_unknown_setting_is_refused(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text('name = "x"\nlearning_rate = 3\n')
    with pytest.raises(ValueError, match="learning_rate"):
        read_config(tmp_path / "c.toml")


def test_log_axis_keeps_a_constant_and_moves_lines_evenly() -> None:
    axis = LogAxis(4096)
    torch.testing.assert_close(axis(torch.ones(1, 8192)), torch.ones(1, 4096))
    theta = np.radians(np.linspace(5, 20, 8192)) / 2
    q = np.sin(theta)

    def place(value: float) -> float:
        pattern = np.exp(-0.5 * ((np.log(q) - np.log(value)) / 0.004) ** 2)
        return float(axis(torch.tensor(pattern, dtype=torch.float32)[None]).argmax())

    first, second = place(0.06), place(0.12)
    assert place(0.06 * 1.02) - first == pytest.approx(place(0.12 * 1.02) - second, abs=1)


def test_log_axis_is_the_mean_over_cells_of_equal_width_in_log_q() -> None:
    axis, pattern = LogAxis(64), np.random.default_rng(0).random(8192)
    step = 15 / 8191
    ends = np.log(np.sin(np.radians([2.5, 10])))
    edges = 2 * np.degrees(np.arcsin(np.exp(np.linspace(*ends, 65))))
    # Each of the pattern's points stands for one step around it.
    places = np.clip((edges - 5) / step + 0.5, 0, 8192)
    sums = np.interp(places, np.arange(8193), np.append(0, np.cumsum(pattern)))
    expected = np.diff(sums) / np.diff(places)
    got = axis(torch.tensor(np.stack([pattern, 2 * pattern]), dtype=torch.float32))
    np.testing.assert_allclose(got[0], expected, rtol=1e-5)
    np.testing.assert_allclose(got[1], 2 * got[0])


def test_networks_do_not_care_about_scale() -> None:
    pattern = torch.rand(2, 8192)
    torch.testing.assert_close(scale_to_unit(1e4 * pattern), scale_to_unit(pattern))
    assert torch.isfinite(scale_to_unit(torch.zeros(1, 8192))).all()


@pytest.mark.parametrize("engine", ["numba", "device"])
def test_either_engine_goes_on_exactly(config: TrainingConfig, tmp_path: Path, engine: str) -> None:
    config = replace(config, data=replace(config.data, engine=engine))
    whole = train(config, tmp_path / "whole", max_steps=4)
    train(config, tmp_path / "cut", max_steps=2)
    resumed = train(config, tmp_path / "cut", max_steps=4)
    for kind in ("network", "average"):
        again = getattr(resumed, kind).state_dict()
        for name, value in getattr(whole, kind).state_dict().items():
            torch.testing.assert_close(again[name], value, msg=f"{kind} {name}")


def test_sigterm_saves_and_ends(config: TrainingConfig, tmp_path: Path) -> None:
    def kill_at_three(row: dict) -> None:
        if row["step"] == 3 and "total" in row:
            os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    stopped = train(config, tmp_path / "run", report=kill_at_three)
    assert stopped.step == 3
    assert signal.getsignal(signal.SIGTERM) == before
    last = (tmp_path / "run" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()[-1]
    assert json.loads(last)["stopped"] is True
    assert train(config, tmp_path / "run", max_steps=4).step == 4


def test_time_ends_a_run_whose_rate_has_gone_to_zero(
    config: TrainingConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clock that moves a second a look: twenty seconds, the last ten of them slowing down."""
    ticks = iter(range(10_000))
    monkeypatch.setattr(
        "training.trainer._pace.time", SimpleNamespace(monotonic=lambda: float(next(ticks)))
    )
    rates: list[float] = []
    monkeypatch.setattr(
        "training.trainer._train.learning_rate", lambda *_: rates.append(1.0) or 1e-3
    )
    done = train(config, tmp_path / "run", max_seconds=20, finish_seconds=10)
    assert done.step == len(rates) > 5
    assert done.optimizer.param_groups[0]["lr"] <= 0.2e-3
    before = torch.load(tmp_path / "run" / "before_finish.pt", weights_only=True)
    assert 0 < before["step"] < done.step


def test_checkpoints_come_by_the_clock(config: TrainingConfig, tmp_path: Path) -> None:
    steps: list[int] = []

    def note(row: dict) -> None:
        path = tmp_path / "run" / "checkpoint.pt"
        if path.is_file():
            steps.append(torch.load(path, weights_only=True)["step"])

    train(config, tmp_path / "run", max_steps=3, saved_every=0.0, report=note)
    assert 1 in steps


def test_pieces_are_small_and_start_another_run(config: TrainingConfig, tmp_path: Path) -> None:
    state = train(config, tmp_path / "run", max_steps=3)
    (path,) = write_pieces(state, config, tmp_path / "pieces")
    halved = load_average(path, build(config.network))
    for name, value in state.average.state_dict().items():
        torch.testing.assert_close(halved.state_dict()[name], value, rtol=1e-3, atol=1e-4)
    assert read_config(tmp_path / "pieces" / "config.json") == config
    warm = train(config, tmp_path / "warm", max_steps=0, start_from=path)
    for name, value in halved.state_dict().items():
        torch.testing.assert_close(warm.network.state_dict()[name], value, msg=name)


def test_large_networks_travel_in_several_pieces(
    config: TrainingConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = train(config, tmp_path / "run", max_steps=1)
    monkeypatch.setattr("training.trainer._pieces.LARGEST", 2000)
    parts = write_pieces(state, config, tmp_path / "pieces")
    assert len(parts) > 2
    assert max(part.stat().st_size for part in parts) <= 2000
    whole = tmp_path / "joined.pt"
    whole.write_bytes(b"".join(part.read_bytes() for part in parts))
    load_average(whole, build(config.network))


def test_a_loss_that_is_no_number_ends_the_run_and_keeps_the_checkpoint(
    config: TrainingConfig, tmp_path: Path
) -> None:
    train(config, tmp_path / "run", max_steps=2)
    wild = replace(config, schedule=replace(config.schedule, peak=1e30))
    with pytest.raises(FloatingPointError, match=r"schedule\.peak"):
        train(wild, tmp_path / "run", max_steps=6)
    assert torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)["step"] == 2


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"name": "x", "data": {"preset": "wild"}}, "data.preset: 'wild' is not one of"),
        ({"name": "x", "data": {"engine": "gpu"}}, "data.engine: 'gpu'"),
        ({"name": "x", "data": {"augmentation": {"strian": 1.0}}}, "data.augmentation.strian"),
        ({"name": "x", "data": {"validation_fraction": 0.7}}, "data.validation_fraction: 0.7"),
        ({"name": "x", "schedule": {"peek": 1}}, "schedule.peek: no such setting"),
        ({"name": "x", "batch_size": "many"}, "batch_size: 'many' is not of type int"),
        ({"name": "x", "bfloat16": 1}, "bfloat16: 1 is not of type bool"),
        ({"name": "x", "loss": 3}, "loss: 3 is not a section"),
        ({}, "name"),
    ],
)
def test_configurations_are_read_strictly(values: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_config(values)


def test_configurations_survive_json(tmp_path: Path) -> None:
    for path in sorted(CONFIGS.glob("*.toml")):
        config = read_config(path)
        (tmp_path / "config.json").write_text(json.dumps(config.as_json()), encoding="utf-8")
        assert read_config(tmp_path / "config.json") == config


def test_rows_before_engines_and_compilation_are_still_read() -> None:
    """The layout of runs made before these settings existed."""
    config = parse_config(
        {
            "name": "old",
            "data": {"reflections": "r.npz", "subgroups": "e.json", "augmentation": {}},
            "schedule": {"kind": "stable", "half_cycle_steps": 10_000},
            "gradient_clip": 1.0,
        }
    )
    assert (config.data.engine, config.compile) == ("auto", False)


def test_keys_are_learned_and_kept_over_a_stop(config: TrainingConfig, tmp_path: Path) -> None:
    looking = replace(
        config,
        network={**TINY, "heads": {"keys": 8}},
        retrieval=replace(config.retrieval, weight=1.0, window=4),
    )
    told: list[dict] = []
    whole = train(looking, tmp_path / "whole", max_steps=4, report=told.append)
    train(looking, tmp_path / "stopped", max_steps=2)
    again = train(looking, tmp_path / "stopped", max_steps=4, report=told.append)
    assert whole.keys is not None
    keys = len(whole.keys)
    assert [row for row in told if "keys" in row] == [{"keys": keys, "of": keys}], "computed once"
    assert again.keys is not None
    torch.testing.assert_close(again.keys, whole.keys)
    assert torch.allclose(whole.keys.norm(dim=1), torch.ones(len(whole.keys)), atol=1e-4)
    rows = (tmp_path / "whole" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    assert all(json.loads(row)["neighbours"] >= 0 for row in rows if "neighbours" in row)
    assert any("neighbours" in row for row in rows)


def test_a_run_asked_to_stop_while_keys_are_computed_ends(
    config: TrainingConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking = replace(
        config,
        network={**TINY, "heads": {"keys": 8}},
        retrieval=replace(config.retrieval, weight=1.0, window=4),
    )

    def killed(self: StopRequest) -> StopRequest:
        self.asked = True
        return self

    with monkeypatch.context() as patched:
        patched.setattr(StopRequest, "__enter__", killed)
        stopped = train(looking, tmp_path / "run", max_steps=4)
    assert stopped.step == 0
    assert stopped.keys is not None
    assert not stopped.keys.any()
    again = train(looking, tmp_path / "run", max_steps=1)
    assert again.keys is not None
    assert torch.allclose(again.keys.norm(dim=1), torch.ones(len(again.keys)), atol=1e-4)


def test_looking_up_without_keys_is_refused(config: TrainingConfig, tmp_path: Path) -> None:
    looking = replace(config, retrieval=replace(config.retrieval, weight=1.0))
    with pytest.raises(ValueError, match=r"heads\.keys"):
        train(looking, tmp_path / "run", max_steps=1)
