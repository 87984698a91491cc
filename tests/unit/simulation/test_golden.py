"""The physics against GSAS-II, structure by structure."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from alphadiffract_stream.pattern import wavelength_from_energy
from alphadiffract_stream.simulation import (
    Profile,
    integrated_intensity,
    read_cif,
    reflections,
    simulate,
)

WAVELENGTH = wavelength_from_energy(20.0)
D_MIN = WAVELENGTH / 2 / np.sin(np.radians(10))
D_MAX = WAVELENGTH / 2 / np.sin(np.radians(2.5))


@pytest.fixture(scope="module")
def golden(data_dir: Path) -> list[Path]:
    files = sorted((data_dir / "golden_gsas2").glob("*.npz"))
    assert len(files) == 36
    return files


def test_every_pattern_within_2e3_of_its_maximum(golden: list[Path]) -> None:
    worst = {}
    for path in golden:
        contents = read_cif(path.parent / "cif" / f"{path.stem}.cif")
        table = reflections(contents, D_MIN, D_MAX)
        with np.load(path) as expected:
            for k, (microstrain, size, u, v, w) in enumerate(expected["params"][:, :5]):
                profile = Profile(size=size, microstrain=microstrain, U=u, V=v, W=w)
                pattern = simulate(table, expected["two_theta"], WAVELENGTH, profile)
                reference = expected["y"][k]
                error = np.abs(pattern / pattern.max() - reference / reference.max()).max()
                worst[path.stem] = max(error, worst.get(path.stem, 0))
    assert {name: e for name, e in worst.items() if e > 2e-3} == {}


def test_integrated_intensities_within_1e3_rms(golden: list[Path]) -> None:
    worst = {}
    for path in golden:
        table = reflections(read_cif(path.parent / "cif" / f"{path.stem}.cif"), D_MIN, D_MAX)
        two_theta = 2 * np.degrees(np.arcsin(WAVELENGTH / 2 / table.d))
        intensity = integrated_intensity(table, two_theta, 0.99)
        with np.load(path) as expected:
            assert len(table) == len(expected["d"]), path.stem
            own = _by_spacing(table.d, intensity)
            reference = _by_spacing(expected["d"], expected["intensity"])
        difference = own / own.max() - reference / reference.max()
        worst[path.stem] = float(np.sqrt(np.mean(difference**2)))
    assert {name: e for name, e in worst.items() if e > 1e-3} == {}


def test_multiplicities_and_space_groups(golden: list[Path]) -> None:
    for path in golden:
        table = reflections(read_cif(path.parent / "cif" / f"{path.stem}.cif"), D_MIN, D_MAX)
        with np.load(path) as expected:
            assert table.space_group_number == expected["sg_number"], path.stem
            assert sorted(table.multiplicity) == sorted(expected["mult"]), path.stem


def _by_spacing(d: np.ndarray, intensity: np.ndarray) -> np.ndarray:
    """Intensity summed over reflections of equal d, in order of d."""
    _, index = np.unique(np.round(d, 4), return_inverse=True)
    return np.bincount(index, weights=intensity)
