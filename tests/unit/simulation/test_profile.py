"""Peak shapes against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphadiffract_stream.simulation import (
    Profile,
    axial_shift,
    pseudo_voigt,
    thompson_cox_hastings,
)


@given(fwhm=st.floats(0.5, 20), eta=st.floats(0, 1))
def test_pseudo_voigt_has_unit_area_and_its_width(fwhm: float, eta: float) -> None:
    x = np.linspace(-4000, 4000, 800_001)
    y = pseudo_voigt(x, fwhm, eta)
    assert np.trapezoid(y, x) == pytest.approx(1, abs=4e-3)
    assert pseudo_voigt(fwhm / 2, fwhm, eta) == pytest.approx(pseudo_voigt(0, fwhm, eta) / 2)


def test_limits_of_thompson_cox_hastings() -> None:
    gaussian, eta = thompson_cox_hastings(4.0, 1e-9)
    assert gaussian == pytest.approx(2.354820045 * 2)
    assert eta == pytest.approx(0, abs=1e-6)
    lorentzian, eta = thompson_cox_hastings(1e-12, 3.0)
    assert lorentzian == pytest.approx(3.0, rel=1e-4)
    assert eta == pytest.approx(1, abs=1e-3)


def test_size_broadening_is_scherrer() -> None:
    wide = Profile(size=0.1, microstrain=0).lorentzian_fwhm(10.0, 0.62)
    narrow = Profile(size=1.0, microstrain=0).lorentzian_fwhm(10.0, 0.62)
    assert wide == pytest.approx(10 * narrow)
    # Scherrer with K = 1: λ / (L cosθ) rad; 1.8 / π centideg for λ in Å and L in µm is K = 1.
    radians = 0.62e-4 / (1.0 * np.cos(np.radians(5)))
    assert narrow == pytest.approx(100 * np.degrees(radians))


def test_axial_shift_moves_peaks_down_a_little_and_less_at_high_angle() -> None:
    angles = np.array([5.0, 10.0, 20.0])
    shift = axial_shift(angles) - angles
    assert (shift < 0).all()
    assert (np.diff(shift) > 0).all()
    assert abs(shift[0]) < 0.002
