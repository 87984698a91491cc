from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from alphadiffract_stream.grid import GRID_TWO_THETA, GRID_WAVELENGTH, bragg_convert, resample
from alphadiffract_stream.simulation import Profile, simulate
from training.patterns import MEASURED, PAPER, BalancedSampler
from training.patterns.compiled import PatternDrawer
from training.patterns.compiled._instrument import own_axis, to_grid
from training.patterns.compiled._noise import QUANTILES, add_noise
from training.patterns.compiled._peaks import add_peak, axial_shift, widths
from training.reflections import ReflectionStore

QUIET = PAPER._replace(
    paper_noise_probability=0.0,
    log_lambda_min=1e12,
    log_lambda_max=1e12,
    log_sigma_min=1e-12,
    log_sigma_max=1e-12,
)


def test_the_same_seed_draws_the_same(store: ReflectionStore) -> None:
    drawer = PatternDrawer(store, MEASURED)
    crystals = np.arange(len(store))
    first, second = drawer.draw(crystals, seed=5), drawer.draw(crystals, seed=5)
    assert torch.equal(first.pattern, second.pattern)
    assert not torch.equal(first.pattern, drawer.draw(crystals, seed=6).pattern)


def test_patterns_are_finite_and_scaled(store: ReflectionStore) -> None:
    crystals = np.tile(np.arange(len(store)), 60)
    batch = PatternDrawer(store, MEASURED).draw(crystals, seed=1)
    assert torch.isfinite(batch.pattern).all()
    assert torch.isfinite(batch.lattice).all()
    assert batch.pattern.min() == 0
    np.testing.assert_allclose(batch.pattern.amax(dim=1), 1, atol=1e-6)
    assert (batch.space_group.numpy() + 1 == store.space_group_number[crystals]).all()


def test_fast_peaks_equal_the_exact_sum(store: ReflectionStore) -> None:
    """The windowed peaks against `simulation`, at fixed widths."""
    profile = Profile(size=0.3, microstrain=3000, U=1.0, V=-0.5, W=2.0)
    centres = np.array([6.0, 6.1, 11.3, 19.2])
    areas = np.array([1.0, 0.3, 2.0, 0.8])
    drawn = np.zeros(8192)
    for centre, area in zip(centres, areas, strict=True):
        fwhm, eta = widths(centre, 0.3, 3000.0, 1.0, -0.5, 2.0, GRID_WAVELENGTH)
        add_peak(drawn, axial_shift(centre), area, fwhm, eta, 3e-4 * areas.max() / fwhm)
    table = _reflections_at(centres, areas, store)
    exact = simulate(table, GRID_TWO_THETA, GRID_WAVELENGTH, profile)
    assert np.abs(drawn / drawn.max() - exact / exact.max()).max() < 2e-3


def test_resampling_is_the_services(rng: np.random.Generator) -> None:
    axis = own_axis(1.5418, GRID_WAVELENGTH, 0.01)
    values = rng.random(axis.size)
    ours = to_grid(axis, values)
    theirs = resample(axis, values)
    np.testing.assert_allclose(ours[8:-8], np.asarray(theirs)[8:-8], atol=2e-5)


def test_own_axis_is_even_in_the_instruments_angle() -> None:
    axis = own_axis(1.5418, GRID_WAVELENGTH, 0.02)
    own = bragg_convert(axis, GRID_WAVELENGTH, 1.5418)
    np.testing.assert_allclose(np.diff(own), 0.02, rtol=1e-6)
    assert axis[0] <= 5.0
    assert axis[-1] >= 20.0 - 0.02


def test_counting_noise_has_poisson_moments() -> None:
    np.random.seed(3)
    values = np.full(200_000, 4.0)
    values[0] = 100.0
    add_noise(values, 100.0, 0.0, QUANTILES)
    # Counts scaled by (max − min): recover them from the known peak's scale.
    background = values[1:]
    counts = background / np.min(background[background > 0])
    assert counts.mean() == pytest.approx(4.0, rel=0.02)
    assert counts.var() == pytest.approx(4.0, rel=0.04)


def test_gaussian_noise_has_its_sigma() -> None:
    values = np.zeros(100_001)
    values[0] = 1.0
    add_noise(values, 1e9, 0.05, QUANTILES)
    assert values[1:].std() == pytest.approx(0.05, rel=0.02)
    assert values[1:].mean() == pytest.approx(0.0, abs=1e-3)


def test_strain_keeps_the_symmetry_and_labels_follow(store: ReflectionStore) -> None:
    drawer = PatternDrawer(store, QUIET._replace(strain=0.03, strain_angle=1.0))
    salt = int(np.flatnonzero(store.identifier == "rock salt")[0])
    labels = drawer.draw(np.full(100, salt), seed=2).lattice.numpy()
    assert np.ptp(labels[:, 0]) > 0.05
    np.testing.assert_allclose(labels[:, 0], labels[:, 2], rtol=1e-5)
    np.testing.assert_allclose(labels[:, 3:], 60, atol=1e-3)
    assert np.abs(labels[:, 0] / (5.64 / np.sqrt(2)) - 1).max() < 0.046


def test_rare_groups_are_seen_more_often(store: ReflectionStore) -> None:
    many = ReflectionStore.concatenate([store] + [_only(store, "zinc")] * 95)
    crystals = np.arange(len(many))
    sampler = BalancedSampler(many, crystals, power=0.0)
    groups = many.space_group_number[sampler.sample(5000, seed=0)]
    shares = np.bincount(groups, minlength=231)[[1, 136, 194, 221, 225]] / 5000
    np.testing.assert_allclose(shares, 0.2, atol=0.03)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def test_what_was_only_computed_is_drawn_less_often(store: ReflectionStore) -> None:
    zinc = _only(store, "zinc")
    many = ReflectionStore.concatenate([zinc] * 4)
    many = replace(many, theoretical=np.array([False, True, True, True]))
    for power in (0.0, 1.0):
        sampler = BalancedSampler(many, np.arange(4), power, theoretical_weight=0.25)
        shares = np.bincount(sampler.sample(7000, seed=0), minlength=4) / 7000
        np.testing.assert_allclose(shares, np.array([4, 1, 1, 1]) / 7, atol=0.02)


def test_groups_of_computed_crystals_are_rarer(store: ReflectionStore) -> None:
    many = ReflectionStore.concatenate([_only(store, "zinc"), *[_only(store, "rock salt")] * 4])
    many = replace(many, theoretical=np.array([False, True, True, True, True]))
    sampler = BalancedSampler(many, np.arange(5), power=1.0, theoretical_weight=0.25)
    assert np.mean(sampler.sample(5000, seed=0) == 0) == pytest.approx(0.5, abs=0.03)


def _only(store: ReflectionStore, name: str) -> ReflectionStore:
    i = int(np.flatnonzero(store.identifier == name)[0])
    rows = slice(store.offsets[i], store.offsets[i + 1])
    one = slice(i, i + 1)
    return ReflectionStore(
        store.identifier[one],
        store.family[one],
        store.space_group_number[one],
        store.cell[one],
        store.to_niggli[one],
        np.array([0, store.offsets[i + 1] - store.offsets[i]]),
        store.hkl[rows],
        store.strength[rows],
        store.theoretical[one],
    )


def _reflections_at(centres: np.ndarray, areas: np.ndarray, store: ReflectionStore):
    from alphadiffract_stream.simulation import Reflections

    theta = np.radians(centres) / 2
    polarized = 0.99 + 0.01 * np.cos(2 * theta) ** 2
    lorentz = 1 / (2 * np.sin(theta) ** 2 * np.cos(theta))
    return Reflections(
        hkl=np.ones((len(centres), 3), dtype=np.int32),
        d=GRID_WAVELENGTH / (2 * np.sin(theta)),
        multiplicity=np.ones(len(centres), dtype=np.int32),
        f_squared=areas / (polarized * lorentz),
        cell=(1, 1, 1, 90, 90, 90),
        volume=1.0,
        space_group_number=1,
    )
