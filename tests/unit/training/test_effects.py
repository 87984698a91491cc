"""Each physical effect by its own switch, in both drawing engines: it does what it says, alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import stats

from alphadiffract_stream.grid import GRID_TWO_THETA as AXIS
from alphadiffract_stream.grid import GRID_WAVELENGTH
from training.patterns import MEASURED, PAPER, Augmentation, Batch, open_drawer
from training.reflections import ReflectionStore, SymmetryTables

QUIET = PAPER._replace(
    microstrain_min=1000.0,
    microstrain_max=1000.0,
    size_min=1.0,
    size_max=1.0,
    u_max=0.0,
    v_min=0.0,
    w_max=0.0,
    paper_noise_probability=0.0,
    log_lambda_min=1e12,
    log_lambda_max=1e12,
    log_sigma_min=1e-12,
    log_sigma_max=1e-12,
)
"""Nothing left to chance."""
SALT = 5.64
DRAWN = 40

Draw = Callable[..., Batch]


@pytest.fixture(params=["numba", "device"])
def draw(request: pytest.FixtureRequest, store: ReflectionStore, symmetry: SymmetryTables) -> Draw:
    """draw(crystal, strain=0.02, …): `DRAWN` patterns with those effects alone."""

    def drawn(name: str = "rock salt", count: int = DRAWN, **effects: float) -> Batch:
        a: Augmentation = QUIET._replace(**effects)
        drawer = open_drawer(request.param, store, symmetry, a, torch.device("cpu"))
        crystal = int(np.flatnonzero(store.identifier == name)[0])
        return drawer.draw(np.full(count, crystal), seed=5)

    return drawn


def line(d: float, wavelength: float = GRID_WAVELENGTH) -> float:
    """2θ at 20 keV."""
    return 2 * np.degrees(np.arcsin(wavelength / 2 / d))


def peak(pattern: np.ndarray, near: float, reach: float = 0.3) -> float:
    """Where the highest point near an angle lies, by a parabola through three points."""
    window = np.flatnonzero(np.abs(AXIS - near) < reach)
    i = window[pattern[window].argmax()]
    left, top, right = pattern[i - 1 : i + 2]
    return AXIS[i] + (AXIS[1] - AXIS[0]) * 0.5 * (left - right) / (left - 2 * top + right)


def height(pattern: np.ndarray, near: float, reach: float = 0.05) -> float:
    return float(pattern[np.abs(AXIS - near) < reach].max())


def test_without_effects_all_patterns_are_alike(draw: Draw) -> None:
    pattern = draw().pattern.numpy()
    assert np.ptp(pattern, axis=0).max() < 1e-4


def test_strain_stays_within_3_percent_and_labels_follow(draw: Draw) -> None:
    batch = draw(strain=0.02)
    a = batch.lattice[:, 0].numpy() * np.sqrt(2)
    assert np.ptp(a / SALT) > 0.02
    assert np.abs(a / SALT - 1).max() <= 0.03 + 1e-5
    for row, pattern in zip(a, batch.pattern.numpy(), strict=True):
        for index in (2.0, np.sqrt(8)):
            assert peak(pattern, line(row / index), 0.1) == pytest.approx(
                line(row / index), abs=4e-3
            )


def test_strain_of_angles_moves_free_angles_alone(draw: Draw) -> None:
    assert np.ptp(draw("zinc", strain_angle=0.7).lattice.numpy()[:, 3:], axis=0).max() < 1e-3
    free = draw("triclinic", strain_angle=0.7)
    spread = np.ptp(free.lattice.numpy(), axis=0)
    assert (spread[3:] > 0.3).all()
    assert spread[:3].max() < 1e-3
    assert np.ptp(free.pattern.numpy(), axis=0).max() > 0.1


def shifts(draw: Draw, **effects: float) -> tuple[np.ndarray, np.ndarray]:
    """Of the lines 111 and 220 of rock salt, against the undisturbed pattern; (DRAWN,) each."""
    reference = draw(count=1).pattern.numpy()[0]
    places = [line(SALT / np.sqrt(n)) for n in (3, 8)]
    moved = [
        [peak(p, place, 0.5) - peak(reference, place, 0.5) for p in draw(**effects).pattern.numpy()]
        for place in places
    ]
    return np.array(moved[0]), np.array(moved[1])


def test_zero_shift_moves_all_lines_alike(draw: Draw) -> None:
    low, high = shifts(draw, zero_shift=0.05)
    np.testing.assert_allclose(low, high, atol=2e-3)
    assert low.std() == pytest.approx(0.05, rel=0.35)


def test_displacement_moves_lines_by_the_cosine(draw: Draw) -> None:
    low, high = shifts(draw, displacement=0.12)
    cosines = [np.cos(np.radians(line(SALT / np.sqrt(n)) / 2)) for n in (3, 8)]
    slope = float((low * high).sum() / (low * low).sum())
    assert slope == pytest.approx(cosines[1] / cosines[0], abs=4e-3)
    assert low.std() == pytest.approx(0.12, rel=0.35)


def test_preferred_orientation_changes_heights_not_places(draw: Draw) -> None:
    np.testing.assert_allclose(
        draw("zinc", count=2, texture_probability=1.0, texture_sigma=0.0).pattern,
        draw("zinc", count=2).pattern,
        atol=1e-4,
    )
    patterns = draw("zinc", texture_probability=1.0).pattern.numpy()
    basal, prism = line(4.947 / 2), line(2.665 * np.sqrt(3) / 2)
    ratio = [height(p, basal) / height(p, prism) for p in patterns]
    assert max(ratio) / min(ratio) > 3
    for pattern in patterns:
        for place in (basal, prism):
            if height(pattern, place) > 0.1:
                assert peak(pattern, place, 0.05) == pytest.approx(place, abs=5e-3)


def test_textures_are_alike_in_both_engines(
    store: ReflectionStore, symmetry: SymmetryTables
) -> None:
    a = QUIET._replace(texture_probability=1.0)
    crystals = np.full(400, int(np.flatnonzero(store.identifier == "zinc")[0]))
    ratios = []
    for engine in ("numba", "device"):
        drawer = open_drawer(engine, store, symmetry, a, torch.device("cpu"))
        patterns = drawer.draw(crystals, seed=9).pattern.numpy()
        places = line(4.947 / 2), line(2.665 * np.sqrt(3) / 2)
        ratios.append([np.log(height(p, places[0]) / height(p, places[1])) for p in patterns])
    assert stats.ks_2samp(*ratios).pvalue > 1e-3


def test_few_grains_change_heights_not_places(draw: Draw) -> None:
    patterns = draw(grain_probability=1.0).pattern.numpy()
    ratio = [height(p, line(SALT / np.sqrt(8))) / height(p, line(SALT / 2)) for p in patterns]
    assert max(ratio) / min(ratio) > 1.5


def test_displacement_factors_weaken_high_angles(draw: Draw) -> None:
    base = draw(count=1).pattern.numpy()[0]
    places = line(SALT / 2), line(SALT / np.sqrt(8))
    expected = height(base, places[1]) / height(base, places[0])
    patterns = draw(displacement_b=1.0).pattern.numpy()
    ratio = np.array([height(p, places[1]) / height(p, places[0]) for p in patterns]) / expected
    # exp(−ΔB/2 · (1/d₂² − 1/d₁²)), ΔB from −0.3 to 1 Å².
    exponent = 0.5 * (8 - 4) / SALT**2
    assert ratio.max() <= np.exp(0.3 * exponent) + 5e-3
    assert ratio.min() >= np.exp(-exponent) - 5e-3
    assert np.ptp(ratio) > 0.02


def test_the_doublet_is_two_lines_of_two_to_one(draw: Draw) -> None:
    laboratory = {"own_step_probability": 1.0, "lab_probability": 1.0}
    fine = {"step_min": 0.002, "step_max": 0.0021}
    d = SALT / np.sqrt(8)
    single = draw(count=8, **laboratory, **fine).pattern.numpy()
    double = draw(count=8, doublet_probability=1.0, **laboratory, **fine).pattern.numpy()
    separation = line(d * 1.540593 / 1.544427) - line(d)
    for pattern in single:
        first = peak(pattern, line(d))
        assert height(pattern, first + separation, 0.004) < 0.3 * height(pattern, first)
    for pattern in double:
        first = peak(pattern, line(d))
        second = height(pattern, first + separation, 0.008) / height(pattern, first)
        assert 0.45 < second < 0.65


def test_background_falls_with_the_angle(draw: Draw) -> None:
    base = draw(count=1).pattern.numpy()[0]
    quiet = base < 0.002
    for pattern in draw(background_probability=1.0, background_max=0.3).pattern.numpy():
        rest = pattern[quiet]
        assert rest[:200].mean() >= rest[-200:].mean() - 5e-3
        assert rest.max() < 0.31
    levels = draw(background_probability=1.0, background_max=0.3).pattern.numpy()[:, quiet]
    assert levels[:, :200].mean(axis=1).max() > 0.05


def test_humps_are_broad(draw: Draw) -> None:
    base = draw(count=1).pattern.numpy()[0]
    quiet = base < 0.002
    patterns = draw(hump_probability=1.0, hump_max=0.3).pattern.numpy()[:, quiet]
    assert patterns.max() < 0.31
    assert patterns.max(axis=1).max() > 0.1
    assert np.abs(np.diff(patterns, axis=1)).max() < 0.06  # across the peaks left out


def test_impurity_lines_are_extra_and_small(draw: Draw) -> None:
    base = draw(count=1).pattern.numpy()[0]
    quiet = base < 0.002
    patterns = draw(impurity_probability=1.0, impurity_max=0.1, impurity_lines=6.0).pattern.numpy()
    extra = [(np.diff((p[quiet] > 0.01).astype(int)) == 1).sum() for p in patterns]
    assert 1 < np.mean(extra) < 8
    assert patterns[:, quiet].max() < 0.15
    assert patterns[:, quiet].max() > 0.05


def test_truncated_patterns_keep_one_stretch(draw: Draw) -> None:
    patterns = draw("triclinic", truncation_probability=1.0).pattern.numpy()
    for pattern in patterns:
        present = np.flatnonzero(pattern)
        kept = (present[-1] - present[0] + 1) / pattern.size
        assert 0.59 < kept <= 1.0
        assert present[0] < 30 or present[-1] > 8160
    ends = {bool(np.flatnonzero(p)[0] < 30) for p in patterns}
    assert ends == {True, False}


def test_second_phases_add_lines_of_another_crystal(draw: Draw) -> None:
    base = draw(count=1).pattern.numpy()[0]
    quiet = base < 0.002
    patterns = draw(second_phase_probability=1.0, second_phase_max=0.2).pattern.numpy()
    assert patterns[:, quiet].max() > 0.02
    labels = draw(second_phase_probability=1.0).lattice.numpy()
    np.testing.assert_allclose(labels[:, 0], SALT / np.sqrt(2), rtol=1e-5)


def test_saturation_cuts_the_strongest_line(draw: Draw) -> None:
    strong, weak = line(SALT / 2), line(SALT / np.sqrt(3))
    base = draw(count=1).pattern.numpy()[0]
    natural = height(base, weak) / height(base, strong)
    for pattern in draw(saturation_probability=1.0).pattern.numpy():
        cut = natural * height(pattern, strong) / height(pattern, weak)
        assert 0.29 < cut < 0.91
        assert (np.abs(pattern[pattern > 0.999] - 1) < 1e-4).all()


def test_clipping_leaves_no_point_below_the_baseline(draw: Draw) -> None:
    noise = {"log_sigma_min": 0.01, "log_sigma_max": 0.01}
    zeros = (draw(clip_probability=1.0, **noise).pattern.numpy() == 0).mean(axis=1)
    assert (zeros > 0.3).all()
    assert ((draw(**noise).pattern.numpy() == 0).mean(axis=1) < 0.01).all()


def test_the_paper_switches_everything_else_off() -> None:
    """Table 5 and equations (1)–(3) as printed; what is not in them is off."""
    assert PAPER[:8] == (500.0, 10_000.0, 0.1, 1.0, 3.0, -1.0, 4.0, 0.0)
    assert (PAPER.lambda_min, PAPER.lambda_max) == (1.0, 100.0)
    assert (PAPER.sigma_min, PAPER.sigma_max) == (1e-3, 1e-1)
    assert PAPER.paper_noise_probability == 1.0
    names = [n for n in Augmentation._fields if n.endswith("_probability")]
    names += ["strain", "strain_angle", "zero_shift", "displacement", "displacement_b"]
    on = [n for n in names if getattr(PAPER, n) != 0]
    assert on == ["paper_noise_probability"]
    assert all(getattr(MEASURED, n) > 0 for n in names if n != "paper_noise_probability")
