"""Training needs torch and numpy alone: nothing else may be imported on the way."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from training.benchmark import main as benchmark
from training.reflections import ReflectionStore, SymmetryTables, write_pack

ROOT = Path(__file__).resolve().parents[3]
BLOCKED = (
    "gemmi spglib pydantic pydantic_settings numba scipy typer rich event_model onnx onnxruntime "
    "zmq orjson h5py msgpack alphadiffract_stream matplotlib"
)
TINY = {
    "kind": "compact",
    "points": 512,
    "channels": [8],
    "kernels": [3],
    "depths": [1],
    "features": 8,
}
PROGRAM = f"""
import sys
for name in {BLOCKED.split()!r}:
    sys.modules[name] = None
from training.trainer.__main__ import main
main(sys.argv[1:])
loaded = [n for n in {BLOCKED.split()!r} if sys.modules.get(n) is not None]
assert not loaded, loaded
"""


def test_two_steps_on_a_machine_with_torch_and_numpy_alone(
    store: ReflectionStore, symmetry: SymmetryTables, tmp_path: Path
) -> None:
    other = ReflectionStore(**{**_fields(store), "family": np.zeros_like(store.family)})
    write_pack(ReflectionStore.concatenate([store, other]), symmetry, tmp_path / "pack.npz")
    config = {
        "name": "tiny",
        "network": TINY,
        "batch_size": 4,
        "bfloat16": False,
        "report_every": 1,
        "data": {"validation_patterns": 4, "engine": "device"},
    }
    (tmp_path / "tiny.json").write_text(json.dumps(config), encoding="utf-8")
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "tiny.json"), "--output"]
    command += [str(tmp_path / "run"), "--data", str(tmp_path / "pack.npz")]
    command += ["--max-steps", "2", "--pieces", str(tmp_path / "pieces")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    rows = (tmp_path / "run" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(row)["step"] for row in rows] == [1, 2, 2]
    assert (tmp_path / "pieces" / "checkpoint.pt").is_file()


def _fields(store: ReflectionStore) -> dict[str, np.ndarray]:
    return {name: getattr(store, name) for name in ReflectionStore.__dataclass_fields__}


def test_benchmark_reports_rates_and_the_fourier_error(
    store: ReflectionStore,
    symmetry: SymmetryTables,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    other = ReflectionStore(**{**_fields(store), "family": np.zeros_like(store.family)})
    write_pack(ReflectionStore.concatenate([store, other]), symmetry, tmp_path / "pack.npz")
    config = {"name": "tiny", "network": TINY, "bfloat16": False}
    (tmp_path / "tiny.json").write_text(json.dumps(config), encoding="utf-8")
    arguments = [str(tmp_path / "tiny.json"), "--data", str(tmp_path / "pack.npz")]
    benchmark([*arguments, "--batches", "4", "--repeats", "1"])
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert 0 < result["fourier_error"] < 2e-3
    assert result["drawn_per_second_4"] > 0
    assert result["trained_per_second_4"] > 0
