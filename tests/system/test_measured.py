"""Real scans, written as users have them on disk, through the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from alphadiffract_stream.cli import app
from alphadiffract_stream.grid import GRID_STEP, GRID_TWO_THETA, GRID_WAVELENGTH, to_grid
from alphadiffract_stream.sources import read_pattern

APS = {"11bm_6231": 0.413529, "11bm_8714": 0.413259, "11bm_8716": 0.413259}
"""Wavelength of each scan, Å (jadarite, sucrose twice)."""


@pytest.fixture
def aps_files(data_dir: Path, tmp_path: Path) -> dict[Path, float]:
    files = {}
    with np.load(data_dir / "experimental" / "aps_11bm.npz") as scans:
        assert set(scans) == set(APS)
        for name, wavelength in APS.items():
            path = tmp_path / f"{name}.xye"
            np.savetxt(path, scans[name], fmt="%.5f %.4f %.4f")
            files[path] = wavelength
    return files


@pytest.fixture
def rruff_files(data_dir: Path, tmp_path: Path) -> list[Path]:
    files = []
    with np.load(data_dir / "experimental" / "rruff_processed.npz") as data:
        start, step = float(data["two_theta_start"]), float(data["two_theta_step"])
        for i, intensity in enumerate(data["intensity"][:20]):
            path = tmp_path / f"rruff_{i:02d}.xy"
            two_theta = start + step * np.arange(intensity.size)
            np.savetxt(path, np.column_stack([two_theta, intensity]), fmt="%.2f %d")
            files.append(path)
    return files


def predict(*arguments: str) -> list[dict]:
    result = CliRunner().invoke(app, ["predict", "--json", *arguments])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_aps_scans_land_on_the_grid(aps_files: dict[Path, float]) -> None:
    for path, wavelength in aps_files.items():
        pattern = read_pattern(path, wavelength=wavelength)
        grid = to_grid(pattern)
        assert grid.coverage == 1
        for two_theta in strong_peaks(pattern.axis, pattern.intensity, wavelength):
            d = wavelength / 2 / np.sin(np.radians(two_theta) / 2)
            expected = 2 * np.degrees(np.arcsin(GRID_WAVELENGTH / 2 / d))
            near = np.abs(GRID_TWO_THETA - expected) < 0.03
            found = GRID_TWO_THETA[near][grid.intensity[near].argmax()]
            assert abs(found - expected) <= GRID_STEP, (path.name, two_theta)


def test_aps_scans_are_predicted(aps_files: dict[Path, float]) -> None:
    for path, wavelength in aps_files.items():
        (answer,) = predict(str(path), "--wavelength", str(wavelength))
        assert answer["origin"]["name"] == str(path)
        assert answer["coverage"] == 1
        assert answer["status"] in {"ok", "low_confidence"}
        assert sum(answer["crystal_system_probabilities"]) == pytest.approx(1, abs=1e-4)
        assert len(answer["space_groups"]) == 5


def test_without_a_wavelength_nothing_is_assumed(aps_files: dict[Path, float]) -> None:
    path = next(iter(aps_files))
    result = CliRunner().invoke(app, ["predict", "--json", str(path)])
    assert result.exit_code == 2
    (answer,) = json.loads(result.stdout)
    assert answer["status"] == "refused"
    assert "pass --energy or --wavelength" in answer["reason"]


def test_rruff_patterns_are_predicted(rruff_files: list[Path]) -> None:
    answers = predict("--wavelength", "1.5418", *map(str, rruff_files))
    assert [answer["origin"]["name"] for answer in answers] == list(map(str, rruff_files))
    assert all(answer["coverage"] > 0.99 for answer in answers)
    # Not all the same answer: the network looks at the patterns.
    assert len({answer["crystal_system"] for answer in answers}) >= 3


def strong_peaks(axis: np.ndarray, intensity: np.ndarray, wavelength: float) -> list[float]:
    """2θ of the strongest point in each of five stretches of the covered range."""
    ends = 2 * np.degrees(np.arcsin(wavelength / GRID_WAVELENGTH * np.sin(np.radians([2.6, 9.9]))))
    inside = (axis > ends[0]) & (axis < ends[1])
    return [
        float(x[y.argmax()])
        for x, y in zip(
            np.array_split(axis[inside], 5), np.array_split(intensity[inside], 5), strict=True
        )
    ]
