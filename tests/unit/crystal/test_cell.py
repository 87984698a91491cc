from __future__ import annotations

import gemmi
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphadiffract_stream.crystal import cell_from_metric, metric_tensor, volume

LENGTH, ANGLE = st.floats(0.5, 100), st.floats(70, 110)


@given(LENGTH, LENGTH, LENGTH, ANGLE, ANGLE, ANGLE)
def test_metric_and_back_agrees_with_gemmi(a, b, c, alpha, beta, gamma):
    cell = (a, b, c, alpha, beta, gamma)
    metric = metric_tensor(cell)
    np.testing.assert_allclose(cell_from_metric(metric), cell, rtol=1e-9)
    assert volume(cell) == pytest.approx(gemmi.UnitCell(*cell).volume, rel=1e-9)
    np.testing.assert_allclose(np.linalg.det(metric), volume(cell) ** 2, rtol=1e-6)


def test_many_cells_at_once():
    cells = np.array([[[4, 5, 6, 90, 90, 90.0]], [[3, 3, 5, 90, 90, 120]]])
    assert metric_tensor(cells).shape == (2, 1, 3, 3)
    np.testing.assert_allclose(volume(cells)[:, 0], [120, 45 * np.sqrt(3) / 2])
    np.testing.assert_allclose(cell_from_metric(metric_tensor(cells)), cells)


def test_angles_that_enclose_nothing_give_nan():
    assert np.isnan(volume((1, 1, 1, 130, 130, 130)))
    assert np.isnan(cell_from_metric(-np.eye(3))).all()
