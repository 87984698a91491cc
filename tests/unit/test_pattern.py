from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphadiffract_stream.errors import PatternError
from alphadiffract_stream.pattern import (
    HC_KEV_ANGSTROM,
    Origin,
    Pattern,
    RadialUnit,
    wavelength_from_energy,
)

X = np.linspace(5.0, 20.0, 32)
Y = np.arange(32.0)


def test_accepts_plain_lists_and_integers():
    pattern = Pattern([1, 2, 3], [5, 6, 7], "2th_deg", 0.6)
    assert pattern.intensity.dtype == np.float64
    assert pattern.unit is RadialUnit.TWO_THETA_DEG


def test_keeps_single_precision():
    assert Pattern(Y.astype(np.float32), X, "q_A^-1").intensity.dtype == np.float32


def test_big_endian_numbers_are_read():
    pattern = Pattern(Y.astype(">f4"), X.astype(">f8"), "d_A")
    np.testing.assert_array_equal(pattern.intensity, Y)
    assert pattern.intensity.dtype.isnative


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("intensity", {"intensity": Y.reshape(4, 8)}),
        ("intensity", {"intensity": 3.0}),
        ("intensity", {"intensity": ["1", "two"]}),
        ("intensity", {"intensity": [[1, 2], [3]]}),
        ("intensity", {"intensity": Y + 1j}),
        ("intensity", {"intensity": [1.0, None]}),
        ("axis", {"axis": X[:-1]}),
        ("axis", {"axis": "abc"}),
        ("sigma", {"sigma": Y[:3]}),
        ("mask", {"mask": np.zeros(3, bool)}),
        ("mask", {"mask": np.zeros((4, 8), bool)}),
        ("mask", {"mask": ["no"] * 32}),
        ("mask", {"mask": [[1], [1, 2]]}),
        ("mask", {"mask": np.full(32, np.nan)}),
        ("unit", {"unit": "2theta"}),
        ("unit", {"unit": ["2th_deg"]}),
        ("unit", {"unit": None}),
        ("wavelength", {"wavelength": 0.0}),
        ("wavelength", {"wavelength": -1.54}),
        ("wavelength", {"wavelength": float("nan")}),
        ("wavelength", {"wavelength": float("inf")}),
        ("wavelength", {"wavelength": "Cu"}),
        ("wavelength", {"wavelength": True}),
        ("wavelength", {"wavelength": 10**400}),
        ("wavelength", {"wavelength": [0.6, 0.7]}),
    ],
)
def test_refuses_naming_the_field(field, change):
    arguments = {"intensity": Y, "axis": X, "unit": "2th_deg", "wavelength": 0.6} | change
    with pytest.raises(PatternError) as caught:
        Pattern(**arguments)
    assert caught.value.field == field
    assert caught.value.remedy
    assert str(caught.value).startswith(f"{field}: ")
    assert len(str(caught.value)) < 300


def test_a_masked_array_brings_its_mask():
    hidden = np.zeros(32, bool)
    hidden[3] = True
    own = np.zeros(32, bool)
    own[5] = True
    assert Pattern(Y, X, "d_A").mask is None
    pattern = Pattern(np.ma.array(Y, mask=hidden), X, "d_A")
    assert not isinstance(pattern.intensity, np.ma.MaskedArray)
    np.testing.assert_array_equal(pattern.mask, hidden)
    both = Pattern(np.ma.array(Y, mask=hidden), X, "d_A", mask=own)
    np.testing.assert_array_equal(both.mask, hidden | own)
    with pytest.raises(PatternError, match="mask"):
        Pattern(np.ma.array(Y, mask=hidden), X, "d_A", mask=own[:4])


def test_is_read_only_without_touching_the_callers_array():
    mine = Y.copy()
    pattern = Pattern(mine, X, "d_A", mask=np.zeros(32, bool))
    for array in (pattern.intensity, pattern.axis, pattern.mask):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    mine[0] = 7.0
    with pytest.raises(AttributeError):
        pattern.wavelength = 1.0


def test_wavelength_may_be_text_or_numpy():
    assert Pattern(Y, X, "2th_deg", "0.4135").wavelength == 0.4135
    assert type(Pattern(Y, X, "2th_deg", np.float32(0.5)).wavelength) is float


def test_copper_and_molybdenum_energies():
    assert wavelength_from_energy(8.04778) == pytest.approx(1.540593, rel=1e-5)
    assert wavelength_from_energy(17.47934) == pytest.approx(0.709319, rel=1e-5)


@given(st.floats(1e-3, 1e3))
def test_energy_and_wavelength_are_inverse(energy):
    pattern = Pattern(Y, X, "2th_deg", wavelength_from_energy(energy))
    assert pattern.energy == pytest.approx(energy, rel=1e-12)
    assert pattern.energy * pattern.wavelength == pytest.approx(HC_KEV_ANGSTROM, rel=1e-12)


@pytest.mark.parametrize("energy", [0, -8, float("nan"), float("inf"), 1e-320, "x", None, False])
def test_refuses_impossible_energies(energy):
    with pytest.raises(PatternError):
        wavelength_from_energy(energy)


def test_energy_is_unknown_without_wavelength():
    assert Pattern(Y, X, "q_A^-1").energy is None


def test_only_two_theta_needs_a_wavelength():
    assert [unit for unit in RadialUnit if unit.needs_wavelength] == ["2th_deg", "2th_rad"]


def test_origin_says_where():
    origin = Origin("bluesky-zmq", "localhost:5578", run_uid="0123456789abcdef", seq_num=0)
    assert str(origin) == "bluesky-zmq localhost:5578 run 01234567 seq_num 0"
    assert str(Origin("file", "/data/a.xy")) == "file /data/a.xy"
