from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphadiffract_stream.grid import (
    GRID_ENERGY,
    GRID_STEP,
    GRID_TWO_THETA,
    GRID_WAVELENGTH,
    bragg_convert,
    d_to_q,
    d_to_two_theta,
    q_to_d,
    two_theta_to_d,
)

CU_KA1 = 1.5405929


def test_the_grid_is_the_papers():
    assert GRID_TWO_THETA.shape == (8192,)
    np.testing.assert_array_equal(GRID_TWO_THETA, np.linspace(5, 20, 8192))
    assert pytest.approx(12.398419843 / 20) == GRID_WAVELENGTH
    assert GRID_ENERGY == 20.0
    assert np.diff(GRID_TWO_THETA) == pytest.approx(GRID_STEP)
    np.testing.assert_allclose(
        two_theta_to_d(GRID_TWO_THETA[[0, -1]], GRID_WAVELENGTH), [7.106, 1.785], atol=5e-4
    )
    with pytest.raises(ValueError, match="read-only"):
        GRID_TWO_THETA[0] = 0


def test_silicon_111_and_220_with_copper():
    # NIST SRM 640c: a = 5.4311946 Å; certified 2θ with Cu Kα1.
    d = 5.4311946 / np.sqrt([3, 8])
    np.testing.assert_allclose(d_to_two_theta(d, 1.5405929), [28.441, 47.300], atol=2e-3)
    np.testing.assert_allclose(two_theta_to_d([28.441, 47.300], CU_KA1), d, rtol=1e-4)


def test_what_cannot_be_seen_is_nan():
    assert np.isnan(two_theta_to_d([-1, 0, 181, np.nan], 1.0)).all()
    assert np.isnan(d_to_two_theta([-1, 0, 0.49, np.nan], 1.0)).all()
    assert np.isnan(q_to_d([-1, 0, np.nan])).all()
    assert np.isnan(bragg_convert([0, -5, 120, 200], 0.4, 1.0)).all()
    assert d_to_two_theta(0.5, 1.0) == 180.0


@given(st.floats(0.01, 179.9), st.floats(0.05, 5))
def test_two_theta_to_d_and_back(two_theta, wavelength):
    d = two_theta_to_d(two_theta, wavelength)
    assert d_to_two_theta(d, wavelength) == pytest.approx(two_theta, rel=1e-6)


@given(st.floats(1e-3, 1e3))
def test_q_to_d_and_back(q):
    assert d_to_q(q_to_d(q)) == pytest.approx(q, rel=1e-12)


@given(st.floats(0.1, 60), st.floats(0.05, 2.5), st.floats(0.05, 2.5))
def test_converting_wavelength_keeps_d(two_theta, wavelength, other):
    there = bragg_convert(two_theta, wavelength, other)
    d = two_theta_to_d(two_theta, wavelength)
    if d < other / 2 * (1 - 1e-9):
        assert np.isnan(there)
    elif d > other / 2 * (1 + 1e-9):
        assert two_theta_to_d(there, other) == pytest.approx(float(d), rel=1e-9)
