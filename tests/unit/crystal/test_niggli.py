from __future__ import annotations

import numpy as np
import pytest
import spglib
from hypothesis import given
from hypothesis import strategies as st

from alphadiffract_stream.crystal import cell_from_metric, metric_tensor, niggli_cell, volume

POINTS = {"P": 1, "A": 2, "B": 2, "C": 2, "I": 2, "F": 4, "R": 3}
LENGTH, ANGLE = st.floats(2, 40), st.floats(75, 105)


def test_known_reductions():
    a = 4.0782  # gold
    primitive = a / np.sqrt(2)
    assert niggli_cell((a, a, a, 90, 90, 90), "F") == pytest.approx((primitive,) * 3 + (60,) * 3)
    a = 2.8665  # α-iron
    angle = np.degrees(np.arccos(-1 / 3))
    expected = (a * np.sqrt(3) / 2,) * 3 + (angle,) * 3
    assert niggli_cell((a, a, a, 90, 90, 90), "I") == pytest.approx(expected)
    # Calcite, hexagonal axes: the primitive rhombohedron has a = 6.375 Å, α = 46.1°.
    calcite = niggli_cell((4.9896, 4.9896, 17.0610, 90, 90, 120), "R")
    assert calcite == pytest.approx((4.9896, 4.9896, 6.3750, 66.959, 66.959, 60), abs=5e-3)


@pytest.mark.filterwarnings("ignore:Set OLD_ERROR_HANDLING:DeprecationWarning")
@given(LENGTH, LENGTH, LENGTH, ANGLE, ANGLE, ANGLE, st.sampled_from("PABCIF"))
def test_agrees_with_spglib_and_keeps_the_volume(a, b, c, alpha, beta, gamma, centring):
    cell = (a, b, c, alpha, beta, gamma)
    got = niggli_cell(cell, centring)
    assert volume(got) == pytest.approx(volume(cell) / POINTS[centring], rel=1e-6)
    basis = spglib.niggli_reduce(np.linalg.cholesky(metric_tensor(got)), eps=1e-9)
    np.testing.assert_allclose(cell_from_metric(basis @ basis.T), got, rtol=1e-5)


@pytest.mark.parametrize(
    ("cell", "centring"),
    [
        ((4, 4, 4, 90, 90, 90), "X"),
        ((4, 4, 4, 90, 90, 90), ""),
        ((1, 1, 1, 130, 130, 130), "P"),
        ((0, 1, 1, 90, 90, 90), "P"),
        ((-3, 3, 3, 90, 90, 90), "P"),
        ((np.nan, 1, 1, 90, 90, 90), "P"),
        ((np.inf, 1, 1, 90, 90, 90), "P"),
    ],
)
def test_refuses_what_is_no_cell(cell, centring):
    with pytest.raises(ValueError):
        niggli_cell(cell, centring)
