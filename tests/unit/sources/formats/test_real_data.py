"""Measured patterns, written the way their laboratories write them, come back unchanged."""

from __future__ import annotations

import json

import numpy as np
import pytest

from alphadiffract_stream.sources import read_pattern


@pytest.fixture(scope="module")
def scan(data_dir):
    """Jadarite at APS 11-BM: (n, 3) 2θ, intensity, σ, and its description."""
    folder = data_dir / "experimental"
    about = json.loads((folder / "aps_11bm.json").read_text())[0]
    with np.load(folder / "aps_11bm.npz") as arrays:
        return next(a for a in arrays.values() if len(a) == about["n"]), about


def test_11bm_as_xye(scan, tmp_path):
    table, about = scan
    path = tmp_path / "jadarite.xye"
    np.savetxt(path, table, fmt="%.17g", header=f"wavelength = {about['lam']} A")
    pattern = read_pattern(path)
    assert np.array_equal(np.column_stack([pattern.axis, pattern.intensity, pattern.sigma]), table)
    assert pattern.wavelength == about["lam"]


def test_11bm_as_fxye(scan, tmp_path):
    table, about = scan
    n_points = len(table)
    header = (
        f"{about['sample']}\n# Calibrated wavelength = {about['lam']}\n"
        f"BANK 1 {n_points} {n_points} CONST {table[0, 0] * 100:.3f} 0.1 0 0 FXYE"
    )
    path = tmp_path / "jadarite.fxye"
    centidegrees = table * [100, 1, 1]
    np.savetxt(path, centidegrees, fmt="%15.6f %14.8g %14.8g", header=header, comments="")
    pattern = read_pattern(path)
    assert np.allclose(pattern.axis, table[:, 0], rtol=0, atol=1e-8)
    assert np.allclose(pattern.intensity, table[:, 1], rtol=1e-7)
    assert np.allclose(pattern.sigma, table[:, 2], rtol=1e-7)
    assert pattern.wavelength == about["lam"]


def test_rruff_as_xy_and_as_txt(data_dir, tmp_path):
    folder = data_dir / "experimental"
    entries = json.loads((folder / "rruff_raw.json").read_text())
    with np.load(folder / "rruff_raw.npz") as arrays:
        intensity = arrays["intensity"][:3].astype(float)
    two_theta = np.round(5 + 0.01 * np.arange(intensity.shape[1]), 2)
    for entry, row in zip(entries, intensity, strict=False):
        table = np.column_stack([two_theta, row])
        np.savetxt(tmp_path / "a.xy", table, fmt="%.17g")
        np.savetxt(
            tmp_path / "a.txt", table, fmt="%.17g", delimiter=", ", comments="", footer="##END=",
            header=f"##NAMES={entry['name']}\n##RRUFFID={entry['rruff_id']}\n"
            "##X-RAY WAVELENGTH=1.541838",
        )  # fmt: skip
        plain, rruff = read_pattern(tmp_path / "a.xy"), read_pattern(tmp_path / "a.txt")
        for pattern in (plain, rruff):
            assert np.array_equal(np.column_stack([pattern.axis, pattern.intensity]), table)
        assert plain.wavelength is None
        assert rruff.wavelength == 1.541838
        assert rruff.metadata["rruff_id"] == entry["rruff_id"]
