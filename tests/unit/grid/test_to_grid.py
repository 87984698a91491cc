from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alphadiffract_stream.errors import PatternError
from alphadiffract_stream.grid import (
    GRID_TWO_THETA,
    GRID_WAVELENGTH,
    bragg_convert,
    d_to_two_theta,
    to_grid,
    two_theta_to_d,
)
from alphadiffract_stream.pattern import Pattern, RadialUnit

CU = 1.5418
LINES = (6.1, 4.02, 3.33, 2.51, 1.9)


def counts(d, background=20.0):
    """Peaks in relative d of 0.4 % width at LINES, whatever the axis."""
    y = np.full(np.shape(d), background)
    for height, line in enumerate(LINES, start=3):
        y += 100 * height * np.exp(-(((d - line) / (0.004 * line)) ** 2))
    return y


def pattern_in(unit, wavelength=CU, n=6000, **kwargs):
    """The same sample on an axis of `unit`, uniform in that unit."""
    d_low, d_high = 1.7, 7.5
    low, high = (d_to_two_theta(d, wavelength) for d in (d_high, d_low))
    axis = {
        RadialUnit.TWO_THETA_DEG: np.linspace(low, high, n),
        RadialUnit.TWO_THETA_RAD: np.radians(np.linspace(low, high, n)),
        RadialUnit.Q_INV_ANGSTROM: 2 * np.pi / np.linspace(d_high, d_low, n),
        RadialUnit.Q_INV_NM: 20 * np.pi / np.linspace(d_high, d_low, n),
        RadialUnit.D_ANGSTROM: np.linspace(d_low, d_high, n),
    }[unit]
    d = {
        RadialUnit.TWO_THETA_DEG: lambda: two_theta_to_d(axis, wavelength),
        RadialUnit.TWO_THETA_RAD: lambda: two_theta_to_d(np.degrees(axis), wavelength),
        RadialUnit.Q_INV_ANGSTROM: lambda: 2 * np.pi / axis,
        RadialUnit.Q_INV_NM: lambda: 20 * np.pi / axis,
        RadialUnit.D_ANGSTROM: lambda: axis,
    }[unit]()
    return Pattern(counts(d), axis, unit, wavelength if unit.needs_wavelength else None, **kwargs)


def simple(y, **kwargs):
    y = np.asarray(y)
    axis = kwargs.pop("axis", np.linspace(4.9, 20.1, y.size))
    return Pattern(y, axis, kwargs.pop("unit", "2th_deg"), GRID_WAVELENGTH, **kwargs)


def peaked(n=2000, height=1000.0):
    x = np.linspace(4.9, 20.1, n)
    return height * np.exp(-(((x - 10) / 0.1) ** 2))


def refused(pattern, field, *words):
    with pytest.raises(PatternError) as caught:
        to_grid(pattern)
    assert caught.value.field == field
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("unit", list(RadialUnit))
def test_every_unit_gives_the_same_grid(unit):
    exact = counts(two_theta_to_d(GRID_TWO_THETA, GRID_WAVELENGTH))
    got = to_grid(pattern_in(unit))
    assert got.intensity.shape == (8192,)
    assert got.intensity.dtype == np.float32
    assert got.coverage == 1.0
    assert got.flags == ()
    np.testing.assert_allclose(got.intensity, exact, atol=0.02 * exact.max())


@settings(max_examples=25)
@given(st.floats(0.1, 2.2), st.sampled_from(list(RadialUnit)))
def test_peaks_land_within_one_grid_step_whatever_the_wavelength(wavelength, unit):
    got = to_grid(pattern_in(unit, wavelength, n=20_000)).intensity
    for line in LINES:
        place = int(np.argmin(np.abs(GRID_TWO_THETA - d_to_two_theta(line, GRID_WAVELENGTH))))
        near = slice(place - 20, place + 21)
        assert abs(int(np.argmax(got[near])) - 20) <= 1


@settings(max_examples=25)
@given(st.floats(1e-36, 1e36))
def test_scale_does_not_matter(factor):
    plain, scaled = (to_grid(simple(peaked() * f)).intensity for f in (1.0, factor))
    np.testing.assert_allclose(scaled / scaled.max(), plain / plain.max(), atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(st.integers(16, 3000), st.integers(0, 10**6), st.floats(0, 0.6), st.booleans())
def test_whatever_comes_the_answer_is_finite_or_a_refusal(n, seed, lost, flipped):
    random = np.random.default_rng(seed)
    y = random.normal(size=n) * 10 ** random.uniform(-5, 5)
    y[random.random(n) < lost] = random.choice([np.nan, np.inf, -np.inf])
    axis = np.sort(random.uniform(0, 30, n))
    pattern = simple(y, axis=axis[::-1] if flipped else axis)
    try:
        got = to_grid(pattern)
    except PatternError:
        return
    assert np.isfinite(got.intensity).all()
    assert 0 < got.coverage <= 1
    assert got.coverage == pytest.approx(1 - got.mask.mean())


@pytest.mark.parametrize("unit", ["2th_deg", "2th_rad"])
def test_two_theta_without_wavelength_names_the_options(unit):
    pattern = Pattern(np.ones(50), np.linspace(0.1, 1, 50), unit)
    with pytest.raises(PatternError) as caught:
        to_grid(pattern)
    assert caught.value.field == "wavelength"
    assert "pass --energy or --wavelength" in caught.value.remedy


def test_refuses_patterns_with_nothing_in_them():
    refused(simple([]), "intensity", "empty")
    refused(simple(np.zeros(100)), "intensity", "constant (0)", "shutter")
    refused(simple(np.full(100, 7.0)), "intensity", "constant (7)")
    refused(simple(np.full(100, np.nan)), "intensity", "all NaN")
    refused(simple(np.full(100, np.inf)), "intensity", "all NaN or infinite")
    refused(simple(peaked(), mask=np.ones(2000, bool)), "mask", "masked")
    refused(simple(peaked(15)), "axis", "13 usable points")
    few = np.full(2000, np.nan)
    few[900:910] = 1.0
    refused(simple(few), "axis", "10 usable points")


def test_refuses_axes_that_cannot_be():
    y = peaked(200)
    refused(simple(y, axis=np.full(200, np.nan)), "axis", "200 of 200")
    refused(simple(y, axis=np.full(200, 10.0)), "axis", "one position")
    refused(simple(y, axis=np.linspace(0, 200, 200)), "axis", "200", "180°")
    refused(simple(y, axis=np.linspace(5, 20, 200), unit="2th_rad"), "axis", "2th_deg")
    refused(simple(y, axis=np.linspace(-1, 5, 200), unit="q_A^-1"), "axis", "q is above zero")
    refused(simple(y, axis=np.zeros(200), unit="q_nm^-1"), "axis", "q is above zero")
    refused(simple(y, axis=np.linspace(0, 5, 200), unit="d_A"), "axis", "d is above zero")


def test_refuses_an_axis_going_forth_and_back_naming_the_place():
    axis = np.linspace(5, 20, 200)
    axis[120:] -= 3
    refused(simple(peaked(200), axis=axis), "axis", "point 120", "sorted")
    refused(simple(peaked(200), axis=axis[::-1]), "axis", "point 80", "sorted")
    shuffled = np.random.default_rng(0).permutation(np.linspace(5, 20, 200))
    refused(simple(peaked(200), axis=shuffled), "axis", "turns back")


@pytest.mark.parametrize(
    ("unit", "axis", "hint"),
    [
        ("2th_deg", np.radians(np.linspace(5, 20, 200)), "2θ in radians"),
        ("q_A^-1", np.linspace(8, 35, 200) + 5, "q in nm⁻¹"),
        ("q_nm^-1", np.linspace(0.9, 3.5, 200), "q in Å⁻¹"),
        ("d_A", np.linspace(8, 19, 200), "2θ in degrees"),
    ],
)
def test_off_the_grid_the_likely_unit_is_named(unit, axis, hint):
    refused(simple(peaked(200), axis=axis, unit=unit), "axis", "d = 7.106…1.785 Å", hint)


def test_off_the_grid_the_wavelength_is_suspected():
    pattern = Pattern(peaked(200), np.linspace(5, 60, 200), "2th_deg", 12.0)
    refused(pattern, "axis", "wavelength (12 Å)")


def test_few_bad_axis_points_are_dropped():
    axis = np.linspace(4.9, 20.1, 2000)
    axis[[3, 500, 501]] = [np.nan, np.inf, -np.inf]
    got = to_grid(simple(peaked(), axis=axis))
    assert "axis_points_dropped" in got.flags
    np.testing.assert_allclose(got.intensity, to_grid(simple(peaked())).intensity, atol=1.0)


def test_a_first_bin_at_zero_and_the_other_side_of_the_beam_are_left_out():
    for unit, axis in (("q_A^-1", np.linspace(0, 5, 800)), ("2th_deg", np.linspace(-9, 25, 800))):
        assert to_grid(simple(axis + peaked(800), axis=axis, unit=unit)).coverage == 1.0


def test_beyond_the_reach_of_twenty_kev_is_left_out():
    # At 40 keV 2θ = 170° is d = 0.16 Å, which has no reflection at 20 keV.
    x = np.linspace(1, 170, 20_000)
    got = to_grid(Pattern(x, x, "2th_deg", GRID_WAVELENGTH / 2))
    expected = bragg_convert(GRID_TWO_THETA, GRID_WAVELENGTH, GRID_WAVELENGTH / 2)
    np.testing.assert_allclose(got.intensity, expected, rtol=1e-4)


def test_masked_and_nan_points_are_bridged_or_uncovered():
    y = peaked() + 50
    mask = np.zeros(2000, bool)
    mask[300:304] = True
    y[300:304] = 1e9
    y[1000] = np.nan
    got = to_grid(simple(y, mask=mask))
    assert got.flags == ("points_left_out",)
    assert got.coverage == 1.0
    clean = to_grid(simple(peaked() + 50))
    np.testing.assert_allclose(got.intensity, clean.intensity, atol=0.01)
    mask[1500:1700] = True
    got = to_grid(simple(y, mask=mask))
    assert got.flags == ("points_left_out", "gaps")
    assert got.coverage == pytest.approx(1 - 201 * 15.2 / 1999 / 15, abs=1e-3)
    assert (got.intensity[got.mask] == got.intensity.min()).all()


def test_runs_of_zeros_are_values():
    y = peaked() + 10
    y[:200] = y[-200:] = 0.0
    got = to_grid(simple(y))
    assert got.coverage == 1.0
    assert got.intensity[0] == 0.0


def test_flags_for_odd_axes():
    assert to_grid(simple(peaked(60))).flags == ("coarse_step",)
    twice = simple(np.repeat(peaked(), 2), axis=np.repeat(np.linspace(4.9, 20.1, 2000), 2))
    assert to_grid(twice).flags == ("duplicates_averaged",)


def test_the_noise_of_subtracted_backgrounds_is_kept():
    y = np.random.default_rng(0).normal(0, 5, 2000) + peaked()
    got = to_grid(simple(y))
    assert got.flags == ()
    assert got.intensity.min() < -8


def test_an_offset_below_zero_is_kept():
    shifted, plain = to_grid(simple(peaked() - 5000)), to_grid(simple(peaked()))
    np.testing.assert_allclose(shifted.intensity + 5000, plain.intensity, atol=1e-3)


@pytest.mark.parametrize("noise", [0.0, 5.0])
def test_one_deep_negative_spike_does_not_crush_the_peaks(noise):
    y = np.random.default_rng(0).normal(0, noise, 2000) + peaked()
    spiked = y.copy()
    spiked[1234] = -1e6
    got = to_grid(simple(spiked))
    assert got.flags == ("negative_clipped",)
    assert got.intensity.min() > -7 * noise - 1e-9
    clean = to_grid(simple(y)).intensity
    np.testing.assert_allclose(got.intensity, clean, atol=8 * noise + 1e-6)


def test_extreme_scales_fit_single_precision():
    for factor in (1e-300, 1e300):
        got = to_grid(simple(peaked(height=1.0) * factor))
        assert got.flags == ("rescaled",)
        assert got.intensity.max() == pytest.approx(1.0, rel=0.01)


def test_integer_and_single_precision_counts_agree():
    y = np.rint(peaked())
    wanted = to_grid(simple(y)).intensity
    for dtype in (np.uint16, np.int64, np.float32, ">f4"):
        np.testing.assert_allclose(to_grid(simple(y.astype(dtype))).intensity, wanted, rtol=1e-5)


def test_a_changed_axis_or_mask_is_noticed():
    # The resampler is cached by content: nothing but equal content may reuse it.
    y, axis = peaked(), np.linspace(4.9, 20.1, 2000)
    first = to_grid(simple(y, axis=axis)).intensity
    axis += 0.1
    moved = to_grid(simple(y, axis=axis)).intensity
    assert np.argmax(moved) - np.argmax(first) == pytest.approx(0.1 / 0.00183, abs=1)
    mask = np.zeros(2000, bool)
    mask[:500] = True
    assert to_grid(simple(y, axis=axis, mask=mask)).coverage < 0.8
    mask[:500] = False
    assert to_grid(simple(y, axis=axis, mask=mask)).coverage > 0.98
    other = Pattern(y, axis, "2th_deg", GRID_WAVELENGTH * 1.01)
    assert np.argmax(to_grid(other).intensity) < np.argmax(moved)


def test_more_axes_than_are_kept():
    for shift in np.linspace(0, 0.2, 40).tolist() * 2:
        got = to_grid(simple(peaked(), axis=np.linspace(4.9, 20.1, 2000) + shift))
        assert GRID_TWO_THETA[np.argmax(got.intensity)] == pytest.approx(10 + shift, abs=0.005)


def test_measured_scans_of_11bm_put_their_peaks_where_d_is(data_dir):
    scans = np.load(data_dir / "experimental" / "aps_11bm.npz")
    wavelengths = {name: 0.413529 if "jadarite" in name.lower() else 0.413259 for name in scans}
    for name, wavelength in wavelengths.items():
        two_theta, intensity = scans[name][:, 0], scans[name][:, 1]
        got = to_grid(Pattern(intensity, two_theta, "2th_deg", wavelength))
        assert got.coverage == 1.0
        d = two_theta_to_d(two_theta, wavelength)
        seen = (d > 1.8) & (d < 7.0)
        strongest = d[seen][np.argmax(intensity[seen])]
        there = GRID_TWO_THETA[np.argmax(got.intensity)]
        assert there == pytest.approx(float(d_to_two_theta(strongest, GRID_WAVELENGTH)), abs=0.002)
