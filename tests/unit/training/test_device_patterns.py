from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy import stats

from alphadiffract_stream.grid import GRID_TWO_THETA, GRID_WAVELENGTH, resample
from alphadiffract_stream.simulation import Profile, Reflections, simulate
from training.patterns import MEASURED, PAPER, Augmentation
from training.patterns.compiled import PatternDrawer
from training.patterns.compiled._crystal import march_dollase as compiled_march_dollase
from training.patterns.compiled._crystal import metric as compiled_metric
from training.patterns.device import DeviceDrawer
from training.patterns.device._cells import is_reduced, metric, parameters, strained_metrics
from training.patterns.device._fourier import FourierSum
from training.patterns.device._instrument import OwnSteps, longest_axis
from training.patterns.device._lines import Lines, axial_shift, quadratic_form
from training.patterns.device._noise import add_noise
from training.patterns.device._plan import Plan, draw_plan
from training.patterns.device._tensors import on_device, ragged
from training.patterns.device._texture import march_dollase
from training.patterns.device._widths import Broadening
from training.reflections import ReflectionStore, SymmetryTables

CPU = torch.device("cpu")
SHARPEST = {"size": 1.0, "microstrain": 500.0, "u": 0.0, "v": -1.0, "w": 0.0}
FLOORED = {"size": 0.77, "microstrain": 708.0, "u": 0.26, "v": -0.9, "w": 0.061}
"""Gaussian variance that falls to its floor within the pattern."""
BROADEST = {"size": 0.1, "microstrain": 10_000.0, "u": 3.0, "v": 0.0, "w": 4.0}
LOPSIDED = {"size": 1.0, "microstrain": 10_000.0, "u": 0.0, "v": 0.0, "w": 0.1}
MIDDLING = {"size": 0.4, "microstrain": 4000.0, "u": 1.5, "v": -0.5, "w": 2.0}


def drawer(
    store: ReflectionStore, symmetry: SymmetryTables, a: Augmentation, **options: bool
) -> DeviceDrawer:
    return DeviceDrawer(store, symmetry, a, CPU, **options)


def plan_of(store: ReflectionStore, a: Augmentation, seed: int = 0, times: int = 1) -> Plan:
    crystals = np.tile(np.arange(len(store)), times)
    return draw_plan(store, crystals, a, np.random.default_rng(seed))


def clean(d: DeviceDrawer, plan: Plan) -> np.ndarray:
    """Noise-free patterns, each scaled to a maximum of 1."""
    conditions = on_device(plan.conditions, CPU)
    pattern = d.clean(plan, conditions, torch.Generator().manual_seed(0)).numpy()
    return pattern / pattern.max(axis=1, keepdims=True)


def with_broadening(plan: Plan, broadening: dict[str, float]) -> Plan:
    n = len(plan.lattice)
    values = {name: np.full(n, value) for name, value in broadening.items()}
    return replace(plan, conditions=replace(plan.conditions, **values))


@pytest.mark.parametrize("broadening", [SHARPEST, FLOORED, BROADEST, LOPSIDED, MIDDLING])
@pytest.mark.parametrize("exact", [False, True])
def test_patterns_are_those_of_the_simulation(
    store: ReflectionStore, symmetry: SymmetryTables, broadening: dict[str, float], exact: bool
) -> None:
    plan = with_broadening(plan_of(store, PAPER), broadening)
    drawn = clean(drawer(store, symmetry, PAPER, exact=exact), plan)
    profile = Profile(
        size=broadening["size"],
        microstrain=broadening["microstrain"],
        U=broadening["u"],
        V=broadening["v"],
        W=broadening["w"],
    )
    for i, pattern in enumerate(drawn):
        expected = simulate(_table(store, i), GRID_TWO_THETA, GRID_WAVELENGTH, profile)
        assert np.abs(pattern - expected / expected.max()).max() < 2e-3, store.identifier[i]


def test_golden_crystals_as_simulated(symmetry: SymmetryTables, data_dir: Path) -> None:
    """Thirty-six structures with the broadenings of their GSAS-II patterns."""
    profile_names = ("microstrain", "size", "u", "v", "w")
    worst = 0.0
    for path in sorted((data_dir / "golden_gsas2").glob("*.npz")):
        with np.load(path) as golden:
            rows = (golden["refl_two_theta"] > 5) & (golden["refl_two_theta"] < 20)
            store = _golden_store(golden, rows)
            d_spacing = golden["d"][rows].astype(np.float64)
            params = golden["params"]
        for values in params:
            broadening = dict(zip(profile_names, map(float, values), strict=True))
            plan = with_broadening(plan_of(store, PAPER), broadening)
            drawn = clean(drawer(store, symmetry, PAPER), plan)[0]
            profile = Profile(**{k.upper() if len(k) == 1 else k: v for k, v in broadening.items()})
            table = replace(_table(store, 0), d=d_spacing)
            expected = simulate(table, GRID_TWO_THETA, GRID_WAVELENGTH, profile)
            worst = max(worst, float(np.abs(drawn - expected / expected.max()).max()))
    assert 0 < worst < 2e-3


def test_fourier_sum_is_the_direct_sum(store: ReflectionStore, symmetry: SymmetryTables) -> None:
    """Over what training draws, second phases, doublets and impurities included."""
    plan = plan_of(store, MEASURED, seed=4, times=8)
    fast, exact = (clean(drawer(store, symmetry, MEASURED, exact=e), plan) for e in (False, True))
    assert np.abs(fast - exact).max() < 1e-3


def test_clean_patterns_equal_the_compiled_ones(
    store: ReflectionStore, symmetry: SymmetryTables
) -> None:
    """Both engines at parameters that leave nothing to chance; noise 1e-6 of the maximum."""
    fixed = PAPER._replace(
        microstrain_min=4000.0,
        microstrain_max=4000.0,
        size_min=0.3,
        size_max=0.3,
        u_max=0.0,
        v_min=0.0,
        w_max=0.0,
        paper_noise_probability=0.0,
        log_lambda_min=1e12,
        log_lambda_max=1e12,
        log_sigma_min=1e-12,
        log_sigma_max=1e-12,
    )
    crystals = np.arange(len(store))
    ours = drawer(store, symmetry, fixed).draw(crystals, seed=1)
    theirs = PatternDrawer(store, fixed, symmetry).draw(crystals, seed=2)
    # The compiled engine cuts tails at 3e-4 of the strongest line, each.
    assert (ours.pattern - theirs.pattern).abs().max() < 2.5e-3
    torch.testing.assert_close(ours.lattice, theirs.lattice)
    assert torch.equal(ours.space_group, theirs.space_group)
    assert torch.equal(ours.crystal_system, theirs.crystal_system)


def test_engines_agree_in_distribution(store: ReflectionStore, symmetry: SymmetryTables) -> None:
    """Labels and moments of many patterns of one crystal, everything switched on."""
    crystals = np.full(600, int(np.flatnonzero(store.identifier == "rutile")[0]))
    ours = drawer(store, symmetry, MEASURED).draw(crystals, seed=11)
    theirs = PatternDrawer(store, MEASURED, symmetry).draw(crystals, seed=12)
    for column in (0, 1):
        pair = ours.lattice[:, column].numpy(), theirs.lattice[:, column].numpy()
        assert stats.ks_2samp(*pair).pvalue > 1e-3, column
    for name, summary in {
        "mean": lambda p: p.mean(axis=1),
        "roughness": lambda p: np.log(np.abs(np.diff(p, axis=1)).mean(axis=1)),
        "median": lambda p: np.median(p, axis=1),
        "zeros": lambda p: (p == 0).mean(axis=1),
    }.items():
        pair = summary(ours.pattern.numpy()), summary(theirs.pattern.numpy())
        assert stats.ks_2samp(*pair).pvalue > 1e-3, name


def test_the_same_seed_draws_the_same(store: ReflectionStore, symmetry: SymmetryTables) -> None:
    d = drawer(store, symmetry, MEASURED)
    crystals = np.tile(np.arange(len(store)), 8)  # more than one chunk
    first, second = d.draw(crystals, seed=5), d.draw(crystals, seed=5)
    assert torch.equal(first.pattern, second.pattern)
    assert not torch.equal(first.pattern, d.draw(crystals, seed=6).pattern)


def test_patterns_are_finite_and_scaled(store: ReflectionStore, symmetry: SymmetryTables) -> None:
    crystals = np.tile(np.arange(len(store)), 20)
    batch = drawer(store, symmetry, MEASURED).draw(crystals, seed=1)
    assert torch.isfinite(batch.pattern).all()
    np.testing.assert_array_equal(batch.pattern.amin(dim=1), 0)
    np.testing.assert_allclose(batch.pattern.amax(dim=1), 1, atol=1e-6)
    assert (batch.space_group.numpy() + 1 == store.space_group_number[crystals]).all()
    assert (batch.crystal.numpy() == crystals).all()


def test_strain_keeps_the_symmetry_and_labels_follow() -> None:
    rng = np.random.default_rng(0)
    cells = np.array([[5.0, 6, 7, 81, 84, 77], [5, 6, 7, 90, 100, 90], [5, 6, 7, 90, 90, 90]])
    cells = np.concatenate(
        [cells, [[5, 5, 7, 90, 90, 90], [5, 5, 7, 90, 90, 120], [5] * 3 + [90] * 3]]
    )
    systems = np.array([0, 1, 2, 3, 4, 6])
    identity = np.tile(np.eye(3), (6, 1, 1))
    seen = np.stack(
        [
            parameters(strained_metrics(cells, systems, identity, 0.03, 1.0, rng)[0])
            for _ in range(200)
        ]
    )
    assert (np.ptp(seen[:, :, 0], axis=0) > 0.02).all()
    turned = np.ptp(seen[:, :, 3:], axis=0) > 1e-6
    np.testing.assert_array_equal(turned[0], True)
    np.testing.assert_array_equal(turned[1], [False, True, False])
    assert not turned[2:].any()
    np.testing.assert_allclose(seen[:, 3:5, 0], seen[:, 3:5, 1])
    np.testing.assert_allclose(seen[:, 5, 0], seen[:, 5, 2])
    assert np.abs(seen[..., 0] / 5 - 1).max() < 0.0451


def test_cells_no_longer_reduced_stay_unstrained() -> None:
    # a = b = c: any orthorhombic strain reorders half of the tries; none may come out unordered.
    cell = np.array([[5.0, 5.0, 5.0, 90, 90, 90]] * 200)
    rng = np.random.default_rng(1)
    _, niggli = strained_metrics(
        cell, np.full(200, 2), np.tile(np.eye(3), (200, 1, 1)), 0.1, 0.0, rng
    )
    assert is_reduced(niggli).all()
    hopeless = np.array([[7.0, 6.0, 5.0, 90, 90, 90]])
    g, _ = strained_metrics(hopeless, np.array([2]), np.eye(3)[None], 0.03, 0.0, rng)
    np.testing.assert_allclose(g, metric(hopeless))


def test_texture_is_the_compiled_one(store: ReflectionStore, symmetry: SymmetryTables) -> None:
    for i in range(len(store)):
        number = int(store.space_group_number[i])
        hkl = store.hkl[store.offsets[i] : store.offsets[i + 1]].astype(np.float64)
        g_star = np.linalg.inv(compiled_metric(store.cell[i].astype(np.float64)))
        axis, r = np.array([1.0, 0.0, 1.0]), 0.6
        rotations = symmetry.rotations[number - 1].astype(np.float64)
        count = int(symmetry.counts[number - 1])
        expected = [
            compiled_march_dollase(h, g_star, axis, r, rotations.astype(np.float32), count)
            for h in hkl
        ]
        h = torch.from_numpy(hkl)
        star = torch.from_numpy(g_star)[None]
        got = march_dollase(
            h,
            quadratic_form(h, star.expand(len(h), -1, -1)),
            torch.zeros(len(h), dtype=torch.int64),
            g_star=star,
            axis=torch.from_numpy(axis)[None],
            r=torch.tensor([r]),
            rotations=torch.from_numpy(rotations)[None],
            equivalents=torch.tensor([count]),
        )
        np.testing.assert_allclose(got, expected, rtol=2e-5)


def test_fourier_sum_keeps_areas_and_places() -> None:
    """A lone line anywhere between two grid points, against its analytic profile."""
    n = 40
    position = 12.0 + np.linspace(0, 2 * 15 / 8191, n)
    lines = Lines(torch.arange(n), torch.from_numpy(position), torch.ones(n, dtype=torch.float64))
    values = {k: torch.full((n,), v) for k, v in SHARPEST.items()}
    pattern = FourierSum(CPU)(lines, Broadening(**values), n).numpy()
    fwhm, eta = Broadening(**values).widths(lines.position.float(), torch.arange(n))
    x = (GRID_TWO_THETA - position[:, None]) / fwhm[:, None].numpy()
    lorentz = 2 / np.pi / (1 + 4 * x**2)
    gauss = 2 * np.sqrt(np.log(2) / np.pi) * np.exp(-4 * np.log(2) * x**2)
    expected = (eta[:, None].numpy() * (lorentz - gauss) + gauss) / fwhm[:, None].numpy()
    assert (np.abs(pattern - expected).max(axis=1) / expected.max(axis=1)).max() < 2e-3


def test_axial_shift_is_the_simulations() -> None:
    from alphadiffract_stream.simulation import axial_shift as reference

    angle = np.linspace(5, 20, 50)
    np.testing.assert_allclose(axial_shift(torch.from_numpy(angle)), reference(angle), atol=1e-9)


def test_resampling_is_the_services() -> None:
    """Noise at own steps, put on the grid: what the service's resampler makes of it."""
    plan = plan_of_steps()
    steps = OwnSteps(plan, longest_axis(MEASURED))
    values = torch.rand(steps.valid.shape, generator=torch.Generator().manual_seed(0))
    ours = steps.to_grid(values).numpy()
    for row in range(len(ours)):
        there = steps.valid[row].numpy()
        axis = steps._axis[row].numpy()[there]
        theirs = resample(axis, values[row].numpy()[there])
        np.testing.assert_allclose(ours[row, 8:-8], np.asarray(theirs)[8:-8], atol=2e-5)


def test_sampling_is_linear_interpolation() -> None:
    steps = OwnSteps(plan_of_steps(), longest_axis(MEASURED))
    pattern = torch.rand(3, 8192, generator=torch.Generator().manual_seed(1))
    got = steps.sample(pattern).numpy()
    for row in range(3):
        expected = np.interp(steps._axis[row].numpy(), GRID_TWO_THETA, pattern[row].numpy())
        np.testing.assert_allclose(got[row], expected, atol=1e-4)


def test_no_axis_is_longer_than_thought(store: ReflectionStore) -> None:
    conditions = on_device(plan_of(store, MEASURED, times=200).conditions, CPU)
    longest = longest_axis(MEASURED)
    steps = OwnSteps(conditions, longest)
    assert (steps._last < longest).all()
    assert steps.valid.sum(dim=1).max() > 0.9 * longest


def test_counting_noise_has_poisson_moments() -> None:
    values = torch.full((1, 200_000), 4.0)
    values[0, 0] = 100.0
    generator = torch.Generator().manual_seed(3)
    noisy = add_noise(values, torch.tensor([100.0]), torch.tensor([0.0]), generator)
    background = noisy[0, 1:]
    counts = background / background[background > 0].min()
    assert counts.mean() == pytest.approx(4.0, rel=0.02)
    assert counts.var() == pytest.approx(4.0, rel=0.04)


def test_gaussian_noise_has_its_sigma() -> None:
    values = torch.zeros(2, 100_001)
    values[:, 0] = 1.0
    sigma = torch.tensor([0.05, 0.01])
    generator = torch.Generator().manual_seed(3)
    noisy = add_noise(values, torch.tensor([1e6, 1e6]), sigma, generator)[:, 1:]
    np.testing.assert_allclose(noisy.std(dim=1), sigma, rtol=0.02)
    np.testing.assert_allclose(noisy.mean(dim=1), 0, atol=1e-3)


def test_noise_does_not_look_at_points_that_are_not_there() -> None:
    values = torch.tensor([[1.0, 2.0, 50.0]]).repeat(1, 1)
    valid = torch.tensor([[True, True, False]])
    generator = torch.Generator().manual_seed(0)
    noisy = add_noise(values, torch.tensor([1e6]), torch.tensor([0.0]), generator, valid)
    np.testing.assert_allclose(noisy[0, :2], [0.0, 1.0], atol=1e-6)


def test_ragged_rows() -> None:
    owner, row = ragged(np.array([10, 0, 5]), np.array([2, 0, 3]), CPU)
    assert owner.tolist() == [0, 0, 2, 2, 2]
    assert row.tolist() == [10, 11, 5, 6, 7]


@pytest.mark.parametrize("exact", [False, True])
def test_the_device_is_never_asked_and_never_mixed_with_another(
    store: ReflectionStore, symmetry: SymmetryTables, exact: bool
) -> None:
    """On torch's device without memory: reading a value, or adding the CPU's, would raise."""
    meta = torch.device("meta")
    for a in (PAPER, MEASURED):
        d = DeviceDrawer(store, symmetry, a, meta, exact=exact)
        plan = plan_of(store, a, seed=3, times=20)
        pattern = d.patterns(plan, None)  # type: ignore[arg-type]
        assert pattern.device == meta
        assert (pattern.shape, pattern.dtype) == ((100, 8192), torch.float32)


def plan_of_steps() -> SimpleNamespace:
    return SimpleNamespace(
        wavelength=torch.tensor([1.5418, 0.4, 1.0], dtype=torch.float64),
        step=torch.tensor([0.01, 0.002, 0.02], dtype=torch.float64),
        offset=torch.tensor([0.004, 0.0, 0.011], dtype=torch.float64),
    )


def _table(store: ReflectionStore, i: int) -> Reflections:
    rows = slice(store.offsets[i], store.offsets[i + 1])
    hkl = store.hkl[rows].astype(np.float64)
    g_star = np.linalg.inv(compiled_metric(store.cell[i].astype(np.float64)))
    return Reflections(
        hkl=hkl.astype(np.int32),
        d=1 / np.sqrt(np.einsum("ni,ij,nj->n", hkl, g_star, hkl)),
        multiplicity=np.ones(len(hkl), dtype=np.int32),
        f_squared=store.strength[rows].astype(np.float64),
        cell=tuple(store.cell[i]),
        volume=1.0,
        space_group_number=int(store.space_group_number[i]),
    )


def _golden_store(golden: dict[str, np.ndarray], rows: np.ndarray) -> ReflectionStore:
    return ReflectionStore(
        identifier=np.array(["golden"]),
        family=np.zeros(1, dtype=np.uint64),
        space_group_number=np.array([int(golden["sg_number"])], dtype=np.uint8),
        cell=np.asarray(golden["cell"], dtype=np.float32)[None],
        to_niggli=np.eye(3, dtype=np.float32)[None],
        offsets=np.array([0, rows.sum()]),
        hkl=golden["hkl"][rows].astype(np.int8),
        strength=(golden["mult"] * golden["F2"])[rows].astype(np.float32),
        theoretical=np.zeros(1, dtype=np.bool_),
    )
