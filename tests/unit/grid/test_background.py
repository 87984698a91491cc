from __future__ import annotations

import numpy as np
import pytest

from alphadiffract_stream.errors import ConfigurationError
from alphadiffract_stream.grid import (
    BACKGROUND_METHODS,
    GRID_TWO_THETA,
    GRID_WAVELENGTH,
    check_background,
    to_grid,
)
from alphadiffract_stream.pattern import Pattern

PEAKS = ((7, 0.03), (10, 0.05), (12, 0.2), (15, 0.1), (15.3, 0.1), (18, 0.3))


def peaks(x):
    return sum(1000 * np.exp(-(((x - centre) / width) ** 2)) for centre, width in PEAKS)


def background(x):
    """A decay and an amorphous halo."""
    return 20 + 200 * np.exp(-x / 5) + 100 * np.exp(-(((x - 9) / 3) ** 2))


def measured(n, **kwargs):
    x = np.linspace(4.5, 20.5, n)
    y = np.random.default_rng(0).poisson(peaks(x) + background(x)).astype(float)
    return Pattern(y, x, "2th_deg", GRID_WAVELENGTH, **kwargs)


@pytest.mark.parametrize("method", BACKGROUND_METHODS)
@pytest.mark.parametrize("n", [2_000, 40_000])
def test_leaves_the_peaks_and_takes_the_rest(method, n):
    got = to_grid(measured(n), background=method)
    assert f"background:{method}" in got.flags
    error = (got.intensity - peaks(GRID_TWO_THETA)).reshape(-1, 64).mean(axis=1)
    assert np.sqrt((error**2).mean()) < 15  # of a background up to 200 and peaks of 1000
    assert got.intensity.max() == pytest.approx(1000, rel=0.12)


@pytest.mark.parametrize("method", BACKGROUND_METHODS)
def test_gaps_and_short_ranges_are_survived(method):
    x = np.linspace(4.5, 20.5, 4000)
    gap = (x > 8) & (x < 9)
    short = (x < 10) | (x > 10.4)
    for mask in (gap, short):
        got = to_grid(measured(4000, mask=mask), background=method)
        assert np.isfinite(got.intensity).all()
        assert (got.intensity[got.mask] == got.intensity[~got.mask].min()).all()


def test_scale_does_not_matter():
    pattern = measured(3000)
    small = Pattern(pattern.intensity * 1e-9, pattern.axis, pattern.unit, pattern.wavelength)
    a, b = (to_grid(p, background="arpls").intensity for p in (pattern, small))
    np.testing.assert_allclose(b / b.max(), a / a.max(), atol=1e-4)


def test_unknown_methods_are_refused_with_the_choices():
    for call in (lambda: check_background("snipp"), lambda: to_grid(measured(99), background="x")):
        with pytest.raises(ConfigurationError, match=r"choose one of .*arpls.*snip"):
            call()
    check_background(None)
