"""A run killed at any moment, and a run of two processes, as real processes."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from training.networks import build
from training.patterns import Batch
from training.reflections import ReflectionStore, SymmetryTables, write_pack
from training.trainer import (
    Run,
    TrainingConfig,
    Workers,
    parse_config,
    read_metrics,
    train,
    training_step,
)

ROOT = Path(__file__).resolve().parents[3]
NETWORK = {
    "kind": "alphadiffract",
    "channels": 4,
    "kernels": [10, 5, 5],
    "class_widths": [8, 8],
    "lattice_widths": [8, 8],
    "drop_path": 0.3,
    "dropout": 0.2,
}


def write_run(store: ReflectionStore, symmetry: SymmetryTables, folder: Path, **changes: object):
    """A pack with one family to hold out, and a configuration of a tiny network."""
    fields = {name: getattr(store, name) for name in ReflectionStore.__dataclass_fields__}
    other = ReflectionStore(**{**fields, "family": np.zeros_like(store.family)})
    write_pack(ReflectionStore.concatenate([store, other]), symmetry, folder / "pack.npz")
    config = {
        "name": "tiny",
        "network": NETWORK,
        "batch_size": 4,
        "bfloat16": False,
        "report_every": 3,
        "validate_every": 10,
        "schedule": {"kind": "triangular", "half_cycle_steps": 10, "peak": 2e-3},
        "data": {
            "reflections": str(folder / "pack.npz"),
            "validation_patterns": 4,
            "engine": "device",
        },
        **changes,
    }
    (folder / "tiny.json").write_text(json.dumps(config), encoding="utf-8")
    return parse_config(config)


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "training.trainer", str(folder / "tiny.json"), *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)


def curve(folder: Path) -> list[dict[str, float]]:
    """The rows without the clock's."""
    return [
        {k: v for k, v in row.items() if k not in ("time", "patterns_per_second", "stopped")}
        for row in read_metrics(folder)
        if "total" in row
    ]


@pytest.mark.timeout(400)  # three processes' start, on a machine that may be busy
def test_a_run_killed_at_any_moment_goes_on_as_if_nothing_had_happened(
    store: ReflectionStore, symmetry: SymmetryTables, tmp_path: Path
) -> None:
    config = write_run(store, symmetry, tmp_path)
    steps = 60
    train(config, tmp_path / "whole", max_steps=steps)
    options = ("--output", str(tmp_path / "cut"), "--save-every", "0.05", "--max-steps", str(steps))
    rows = tmp_path / "cut" / "metrics.jsonl"
    with start(tmp_path, *options) as process:
        while not (rows.is_file() and (tmp_path / "cut" / "checkpoint.pt").is_file()):
            assert process.poll() is None, process.communicate()[1]
            time.sleep(0.01)
        time.sleep(random.uniform(0.0, 0.3))
        process.kill()
    with rows.open("a", encoding="utf-8") as file:
        file.write('{"time": 1, "ste')  # a kill in the middle of writing a row
    killed_at = torch.load(tmp_path / "cut" / "checkpoint.pt", weights_only=True)["step"]
    assert 0 < killed_at < steps, "killed too late to show anything; more steps are wanted"
    with start(tmp_path, *options) as again:
        told = again.communicate()[1]
    assert again.returncode == 0, told
    assert curve(tmp_path / "cut") == curve(tmp_path / "whole")
    assert len(curve(tmp_path / "cut")) == steps // 3


def test_a_resumed_row_is_the_mean_over_all_its_steps(
    store: ReflectionStore, symmetry: SymmetryTables, tmp_path: Path
) -> None:
    config = write_run(store, symmetry, tmp_path)
    train(config, tmp_path / "whole", max_steps=6)
    train(config, tmp_path / "cut", max_steps=4)
    train(config, tmp_path / "cut", max_steps=6)
    assert curve(tmp_path / "cut") == curve(tmp_path / "whole")


@pytest.mark.timeout(400)
def test_two_processes_train_as_one_on_both_their_batches(
    store: ReflectionStore, symmetry: SymmetryTables, tmp_path: Path
) -> None:
    still = {**NETWORK, "drop_path": 0.0, "dropout": 0.0}
    config = write_run(store, symmetry, tmp_path, network=still)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", "2", "-m", "training.trainer", str(tmp_path / "tiny.json")]
    command += ["--output", str(tmp_path / "two")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    for steps in ("2", "3"):  # the second call goes on from the first's checkpoint
        done = subprocess.run(
            [*command, "--max-steps", steps],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
    network = build(config.network)
    saved = torch.load(tmp_path / "two" / "checkpoint.pt", weights_only=True)
    network.load_state_dict(saved["network"])
    assert saved["step"] == 3
    expected = one_process(config, 3)
    for name, value in expected.items():
        torch.testing.assert_close(
            network.state_dict()[name], value, rtol=1e-3, atol=2e-5, msg=name
        )
    assert [row["step"] for row in curve(tmp_path / "two")] == [3]


def one_process(config: TrainingConfig, steps: int) -> dict[str, torch.Tensor]:
    """Weights after steps on batches 0 and 1, 2 and 3, … joined."""
    run = Run.open(config, Path("/nowhere"), Workers(0, 1, torch.device("cpu")), None)
    batches = run.loader.batches()
    for _ in range(steps):
        pair = [next(batches), next(batches)]
        names = ("pattern", "crystal_system", "space_group", "lattice", "crystal")
        joined = Batch(*(torch.cat([getattr(b, n) for b in pair]) for n in names))
        training_step(run, joined, 1.0)
    return run.state.network.state_dict()
