from __future__ import annotations

import numpy as np
import pytest

from alphadiffract_stream.crystal import niggli_cell
from alphadiffract_stream.dashboard import DisplayAxis, allowed_lines, find_peaks, fit_cell
from alphadiffract_stream.demo import Diffractometer
from alphadiffract_stream.demo._crystals import ARAGONITE, CALCITE, LIME
from alphadiffract_stream.errors import PatternError
from alphadiffract_stream.grid import two_theta_to_d
from alphadiffract_stream.pattern import Pattern, RadialUnit, wavelength_from_energy
from alphadiffract_stream.simulation import reflections

DETECTOR = Diffractometer()
WAVELENGTH = wavelength_from_energy(DETECTOR.energy)
D = two_theta_to_d(DETECTOR.two_theta, WAVELENGTH)


@pytest.mark.parametrize(
    ("phase", "temperature"), [(ARAGONITE, 300.0), (CALCITE, 850.0), (LIME, 1250.0)]
)
def test_lines_are_those_the_simulator_draws(phase, temperature):
    """With |F|² > 0 every reflection of the structure is one the group allows, at the same d."""
    table = reflections(phase.contents(temperature), 1.6, 8.0)
    strong = table.d[table.f_squared > 1e-6 * table.f_squared.max()]
    lines = allowed_lines(table.cell, phase.space_group_number, 1.6, 8.0, phase.setting)
    assert len(strong)
    nearest = np.abs(strong[:, None] - lines.d).min(axis=1)
    assert nearest.max() < 1e-9
    unnamed = allowed_lines(table.cell, phase.space_group_number, 1.6, 8.0)
    assert set(np.round(lines.d, 6)) <= set(np.round(unnamed.d, 6))


def test_face_centring_extinguishes_mixed_indices():
    hkl = allowed_lines((4.0, 4.0, 4.0, 90, 90, 90), 225, 0.9, 8.0).hkl
    assert len(hkl)
    assert all(len(set(index % 2)) == 1 for index in hkl)


@pytest.mark.parametrize("cell", [(np.nan,) * 6, (0.0,) * 6, (5, 5, 5, 170, 170, 170), (300,) * 6])
def test_a_cell_that_is_none_has_no_lines(cell):
    assert len(allowed_lines(cell, 2, 1.8, 7.1)) == 0


@pytest.mark.parametrize(
    ("temperature", "phase", "centring"),
    [(500.0, ARAGONITE, "P"), (850.0, CALCITE, "R"), (1250.0, LIME, "F")],
)
def test_a_cell_eight_per_cent_off_is_drawn_onto_the_peaks(temperature, phase, centring):
    true = phase.cell_at(temperature)
    predicted = np.array(niggli_cell(true, centring))
    predicted[:3] *= (0.93, 1.04, 1.08)
    spread = np.array([0.5, 0.6, 0.8, 3.0, 3.0, 3.0])
    counts = DETECTOR.measure(temperature, np.random.default_rng(1))
    peaks = find_peaks(D, counts)
    fit = fit_cell(peaks, predicted, spread, [phase.space_group_number, 2])
    assert fit is not None
    assert fit.explained == fit.peaks
    assert sorted(fit.cell[:3]) == pytest.approx(sorted(true[:3]), rel=1e-3)
    assert fit.chance < fit.explained / 3


def test_the_fit_before_is_where_the_next_begins():
    peaks = find_peaks(D, DETECTOR.measure(1200.0, np.random.default_rng(1)))
    nothing = (np.nan,) * 6
    niggli = niggli_cell(LIME.cell_at(1200.0), "F")
    first = fit_cell(peaks, niggli, (0.2,) * 6, [225])
    assert fit_cell(peaks, nothing, nothing, [225]) is None
    again = fit_cell(peaks, nothing, nothing, [225], first)
    assert again is not None
    assert first is not None
    assert again.cell == pytest.approx(first.cell, rel=1e-6)


def test_random_peaks_are_not_explained_by_a_small_cell():
    random = np.random.default_rng(2)
    two_theta = np.linspace(2, 15, 4000)
    counts = random.poisson(20.0, two_theta.size).astype(float)
    for centre in random.uniform(4, 14.5, 14):
        counts += 2000 * np.exp(-(((two_theta - centre) / 0.02) ** 2))
    peaks = find_peaks(two_theta_to_d(two_theta, 0.4133), counts)
    assert len(peaks) >= 12
    cell = (4.0, 4.0, 4.0, 90.0, 90.0, 90.0)
    assert fit_cell(peaks, cell, (0.3,) * 6, [221, 225, 123]) is None


def test_noise_has_no_peaks_and_a_weak_line_is_one():
    random = np.random.default_rng(3)
    x = np.linspace(2, 15, 3000)
    flat = random.poisson(100.0, x.size).astype(float)
    assert len(find_peaks(two_theta_to_d(x, 0.4133), flat)) <= 2
    lines = flat + 300 * np.exp(-(((x - 7.3) / 0.03) ** 2))
    found = find_peaks(two_theta_to_d(x, 0.4133), lines)
    assert found.d[found.weight.argmax()] == pytest.approx(
        two_theta_to_d([7.3], 0.4133)[0], rel=1e-3
    )
    assert len(find_peaks([1.0, 2.0], [1.0, 2.0])) == 0


@pytest.mark.parametrize("unit", list(RadialUnit))
def test_the_axis_shown_is_the_one_measured(unit):
    wavelength = 0.7
    axis = np.linspace(0.05, 0.6, 50)
    pattern = Pattern(np.ones(50), axis, unit, wavelength)
    shown = DisplayAxis.of(pattern)
    kinds = {"2th_deg": "2th_deg", "2th_rad": "2th_deg", "d_A": "d_A"}
    assert shown.kind == kinds.get(unit, "q_A^-1")
    assert DisplayAxis.of(pattern, "q_A^-1").of_d([np.pi])[0] == pytest.approx(2.0)


def test_two_theta_without_a_wavelength_cannot_be_shown():
    pattern = Pattern(np.ones(5), np.arange(1.0, 6.0), RadialUnit.Q_INV_ANGSTROM)
    with pytest.raises(PatternError, match="wavelength"):
        DisplayAxis.of(pattern, "2th_deg")
