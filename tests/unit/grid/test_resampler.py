from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alphadiffract_stream.errors import PatternError
from alphadiffract_stream.grid import GRID_STEP, GRID_TWO_THETA, Resampler, resample


def gauss(x, centre, fwhm, height=1000.0):
    return height * np.exp(-4 * np.log(2) * ((x - centre) / fwhm) ** 2)


def gauss_area(fwhm, height=1000.0):
    return height * fwhm * np.sqrt(np.pi / (4 * np.log(2)))


def uneven(random, low, high, n):
    """Steps that differ by a factor of three and more."""
    return np.linspace(low, high, n) + random.uniform(-0.25, 0.25, n) * (high - low) / n


@pytest.mark.parametrize("n", [1_000, 3_000, 8_192, 50_000])
@pytest.mark.parametrize("centre", [8.0, 12.3456, 17.0007])
def test_fine_and_coarse_scans_keep_height_and_area(n, centre):
    x = np.linspace(4.5, 21.0, n)
    fwhm = 0.08
    grid = resample(x, gauss(x, centre, fwhm))
    assert grid.max() == pytest.approx(1000, rel=0.03 if n == 1_000 else 0.002)
    assert grid.sum() * GRID_STEP == pytest.approx(gauss_area(fwhm), rel=1e-4)
    assert (grid * GRID_TWO_THETA).sum() / grid.sum() == pytest.approx(centre, abs=1e-4)


def test_a_peak_narrower_than_a_cell_keeps_its_area():
    # Sampling at the grid points alone would miss it altogether.
    x = np.linspace(5.0, 20.0, 50_001)
    centre = GRID_TWO_THETA[4000] + GRID_STEP / 2
    grid = resample(x, gauss(x, centre, 0.0009))
    assert grid.sum() * GRID_STEP == pytest.approx(gauss_area(0.0009), rel=0.01)


def test_equals_the_integral_of_the_straight_lines():
    random = np.random.default_rng(1)
    x = uneven(random, 4, 21, 700)
    y = random.uniform(0, 10, 700)
    got = resample(x, y)
    for index in (0, 1, 500, 4095, 8190, 8191):
        low, high = GRID_TWO_THETA[index] + np.array([-0.5, 0.5]) * GRID_STEP
        nodes = np.concatenate(([low], x[(x > low) & (x < high)], [high]))
        exact = np.trapezoid(np.interp(nodes, x, y), nodes) / GRID_STEP
        assert got[index] == pytest.approx(exact, rel=1e-9)


@settings(max_examples=50)
@given(st.integers(40, 4000), st.integers(0, 10**6))
def test_total_area_is_conserved(n, seed):
    random = np.random.default_rng(seed)
    x = np.linspace(5 - GRID_STEP / 2, 20 + GRID_STEP / 2, n)
    y = random.poisson(20, n).astype(float)
    assert resample(x, y).sum() * GRID_STEP == pytest.approx(np.trapezoid(y, x), rel=1e-9)


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.floats(-5, 5), st.floats(-100, 100))
def test_is_linear_and_keeps_constants(seed, factor, offset):
    random = np.random.default_rng(seed)
    x = uneven(random, 4.9, 20.1, 600)
    y = random.normal(size=600)
    to_grid = Resampler(x)
    np.testing.assert_allclose(
        to_grid(factor * y + offset), factor * to_grid(y) + offset, atol=1e-8
    )


def test_a_batch_is_its_patterns():
    random = np.random.default_rng(2)
    x = np.linspace(3, 22, 900)
    batch = random.normal(size=(2, 3, 900))
    to_grid = Resampler(x)
    out = to_grid(batch)
    assert out.shape == (2, 3, 8192)
    np.testing.assert_allclose(out[1, 2], to_grid(batch[1, 2]))
    with pytest.raises(ValueError, match="900"):
        to_grid(batch[..., :-1])


def test_the_grid_itself_is_fully_covered():
    to_grid = Resampler(GRID_TWO_THETA)
    assert to_grid.coverage == 1.0
    assert not to_grid.mask.any()
    np.testing.assert_allclose(to_grid(np.full(8192, 3.0)), 3.0)


def test_descending_is_reversed():
    x = np.linspace(4, 21, 1234)
    y = gauss(x, 11, 0.1)
    np.testing.assert_array_equal(resample(x[::-1], y[::-1]), resample(x, y))


def test_duplicated_points_are_averaged():
    x = np.linspace(4, 21, 1000)
    y = gauss(x, 11, 0.3)
    doubled, scattered = np.repeat(x, 2), np.repeat(y, 2)
    scattered[::2] += 5
    scattered[1::2] -= 5
    to_grid = Resampler(doubled)
    assert to_grid.repeated
    np.testing.assert_allclose(to_grid(scattered), resample(x, y), atol=1e-9)
    np.testing.assert_allclose(resample(doubled[::-1], scattered[::-1]), resample(x, y), atol=1e-9)


def test_points_left_out_are_never_looked_at():
    x = np.linspace(4, 21, 2000)
    y = 2.0 * x
    used = np.ones(2000, bool)
    used[700:703] = False
    y[700:703] = np.nan
    np.testing.assert_allclose(resample(x, y, used), 2 * GRID_TWO_THETA)


@pytest.mark.parametrize(
    ("step", "missing", "covered"),
    [
        (0.002, 20, True),  # 0.042° of hole
        (0.002, 30, False),  # 0.062°
        (0.02, 2, True),  # 0.06°, but three steps
        (0.02, 4, False),  # five steps
        (0.1, 3, True),  # four steps of a coarse scan
    ],
)
def test_short_holes_are_bridged_long_ones_are_not(step, missing, covered):
    x = np.arange(4.9, 20.1, step)
    used = np.ones(x.size, bool)
    start = x.size // 2
    used[start : start + missing] = False
    to_grid = Resampler(x, used)
    assert to_grid.gaps is not covered
    if covered:
        assert to_grid.coverage == 1.0
        return
    hole = (missing + 1) * step
    assert to_grid.coverage == pytest.approx(1 - hole / 15, abs=1e-3)
    low, high = x[start - 1] + 0.002, x[start + missing] - 0.002
    inside = (low < GRID_TWO_THETA) & (high > GRID_TWO_THETA)
    assert to_grid.mask[inside].all()
    out = to_grid(100.0 + x)
    assert (out[to_grid.mask] == out[~to_grid.mask].min()).all()


def test_a_d_axis_with_its_uneven_steps_has_no_holes():
    # Uniform in d, so the steps in 2θ grow sixteenfold over the grid.
    d = np.linspace(7.5, 1.7, 250)
    two_theta = np.degrees(2 * np.arcsin(0.61992 / (2 * d)))
    assert np.diff(two_theta).max() > 0.1
    to_grid = Resampler(two_theta)
    assert not to_grid.gaps
    assert to_grid.coverage == 1.0


def test_partial_ranges_are_covered_as_far_as_they_go():
    x = np.linspace(8.0, 11.0, 500)
    to_grid = Resampler(x)
    assert to_grid.coverage == pytest.approx(3 / 15, abs=5e-4)
    assert to_grid.mask[GRID_TWO_THETA < 7.99].all()
    assert not to_grid.gaps


def test_far_away_points_change_nothing():
    near = np.linspace(4.9, 20.1, 1521)
    far = np.concatenate((np.linspace(-3, 4.89, 90), near, np.linspace(20.11, 150, 90)))
    y = np.random.default_rng(3).uniform(size=near.size)
    wild = np.concatenate((np.full(90, 1e9), y, np.full(90, -1e9)))
    np.testing.assert_allclose(resample(far, wild), resample(near, y), atol=1e-9)


@pytest.mark.parametrize(
    "x",
    [
        np.linspace(30, 60, 500),
        np.linspace(5, 20, 15),
        np.full(100, 10.0),
        np.full(100, np.nan),
        np.array([]),
        np.concatenate((np.linspace(5, 15, 100), np.linspace(10, 20, 100))),
    ],
)
def test_unusable_axes_are_refused(x):
    with pytest.raises(PatternError):
        Resampler(x)


def test_neighbours_an_ulp_apart_may_swap():
    x = np.linspace(5, 20, 500)
    x[100] = np.nextafter(x[99], 0)
    out = resample(x, np.ones(500))
    np.testing.assert_allclose(out, 1.0)
