from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from training.commands import app
from training.parity import compare_all

FEW = ("c01_NaCl_Fm-3m", "r01_quartz_P3221")


@pytest.fixture
def golden(data_dir: Path, tmp_path: Path) -> Path:
    """Two of the golden structures, to write over."""
    folder = tmp_path / "golden"
    (folder / "cif").mkdir(parents=True)
    for name in FEW:
        for part in (f"{name}.npz", f"cif/{name}.cif"):
            shutil.copyfile(data_dir / "golden_gsas2" / part, folder / part)
    return folder


def test_every_way_of_drawing_is_near_gsas2(golden: Path) -> None:
    rows = list(compare_all(golden))
    assert [row.structure for row in rows] == list(FEW)
    for row in rows:
        assert row.passed
        assert row.intensity_rms < 1e-4
        assert 0 < row.exact < 3e-4
        assert row.exact < row.compiled < 3e-3
        assert row.fourier < 1e-3


def test_the_command_says_what_is_wrong_by_its_exit(golden: Path, tmp_path: Path) -> None:
    command = ["parity", "--golden", str(golden)]
    good = CliRunner().invoke(app, [*command, "--output", str(tmp_path / "p.json")])
    assert good.exit_code == 0, good.output
    assert [r["structure"] for r in json.loads((tmp_path / "p.json").read_text())] == list(FEW)
    path = golden / f"{FEW[0]}.npz"
    with np.load(path) as arrays:
        columns = dict(arrays)
    columns["intensity"] = columns["intensity"] * np.linspace(1, 1.01, len(columns["intensity"]))
    np.savez(path, **columns)
    bad = CliRunner().invoke(app, [*command, "--output", str(tmp_path / "p.md")])
    assert bad.exit_code == 1
    lines = (tmp_path / "p.md").read_text().splitlines()
    assert len(lines) == 5
    assert lines[-1].startswith("| worst |")


def test_nothing_to_compare_is_an_error(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["parity", "--golden", str(tmp_path)])
    assert done.exit_code == 2
    assert "golden" in done.output
