"""The paper's §5.6 and the naive answers, against numbers worked out by hand."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from alphadiffract_stream.prediction import Outputs
from training.evaluation import (
    Prior,
    accuracy_interval,
    baselines,
    expected_calibration_error,
    mean_regression,
    prior_of_set,
    regression,
    reliability,
    risk_coverage,
)


def outputs_of(system: list[int], group: list[int]) -> Outputs:
    """Certain answers: systems 0…6, groups 1…230."""
    n = len(system)
    return Outputs(
        crystal_system=np.eye(7, dtype=np.float32)[system],
        crystal_system_std=np.zeros((n, 7), np.float32),
        space_group=np.eye(230, dtype=np.float32)[np.array(group) - 1],
        space_group_std=np.zeros((n, 230), np.float32),
        lattice=np.zeros((n, 6), np.float32),
        lattice_std=np.zeros((n, 6), np.float32),
        embedding=np.zeros((n, 2), np.float32),
    )


def test_equation_7_is_the_spread_of_members_over_all_patterns() -> None:
    right = np.array([True, False])
    interval = accuracy_interval(right, np.array([0.3, 0.4]), np.array([0, 0]))
    assert interval.model == pytest.approx(1.96 * sqrt(0.09 + 0.16) / 2)
    assert interval.sampling == 0.0  # one structure tells nothing of others
    assert interval.total == interval.model


def test_equations_8_and_9_take_structures_not_patterns() -> None:
    # Shares of right patterns by structure: 1, 0.5, 0. s = 0.5, σ = 0.5 / √3, t(0.975, 2) = 4.3027.
    right = np.array([True, True, True, False, False, False])
    structure = np.array([7, 7, 3, 3, 5, 5])
    interval = accuracy_interval(right, np.zeros(6), structure)
    assert interval.sampling == pytest.approx(4.302653 * 0.5 / sqrt(3), rel=1e-6)
    assert interval.model == 0.0


def test_equations_10_to_13_with_two_patterns_a_structure() -> None:
    true = np.array([4.0, 4.0, 8.0, 8.0])
    predicted = np.array([5.0, 3.0, 8.0, 8.0])
    std = np.array([0.3, 0.3, 0.4, 0.4])
    found = regression(predicted, true, std, np.array([0, 0, 1, 1]))
    # (10): model 0.09 + augmentation 1 (errors +1, −1); model 0.16 + augmentation 0.
    assert found.mae == pytest.approx(0.5)
    assert found.mae_std == pytest.approx(sqrt(1.09 + 0.16) / 2)
    assert found.mape == pytest.approx(12.5)
    assert found.mape_std == pytest.approx(100 * sqrt(1.09 / 16 + 0.16 / 64) / 2)
    assert found.r2 == pytest.approx(1 - 2 / 16)
    assert found.r2_std == 0.0  # structure means are right, so R² stands still to first order


def test_equation_13_where_the_mean_is_wrong() -> None:
    found = regression(
        np.array([3.0, 5.0]), np.array([2.0, 6.0]), np.array([0.5, 0.5]), np.array([0, 1])
    )
    # SS_tot = 8 about the mean 4; slopes 2 · 1 / 8.
    assert found.r2 == pytest.approx(1 - 2 / 8)
    assert found.r2_std == pytest.approx(sqrt(2) * 0.25 * 0.5)


def test_strained_truth_is_no_uncertainty() -> None:
    """Patterns of one structure with other true cells, each predicted exactly 0.1 too long."""
    true = np.array([4.0, 4.1, 4.2])
    found = regression(true + 0.1, true, np.zeros(3), np.zeros(3, np.int64))
    assert found.mae == pytest.approx(0.1)
    assert found.mae_std == pytest.approx(0, abs=1e-7)


def test_table_3_is_the_mean_of_supplementary_table_2() -> None:
    """The paper's own RRUFF rows: 1.37 ± 0.02, 1.76 ± 0.02, 3.22 ± 0.05 give 2.11 ± 0.02."""
    values = [(1.37, 0.02, 22.21, 0.31, 0.54, 0.01), (1.76, 0.02, 19.87, 0.28, 0.39, 0.01)]
    values += [(3.22, 0.05, 28.42, 0.64, 0.25, 0.02)]
    from training.evaluation import Regression

    mean = mean_regression([Regression(*row) for row in values])
    assert mean.mae == pytest.approx(2.11, abs=0.01)
    assert mean.mae_std == pytest.approx(0.02, abs=0.002)
    assert mean.mape == pytest.approx(23.50, abs=0.01)
    assert mean.mape_std == pytest.approx(0.25, abs=0.01)
    assert mean.r2 == pytest.approx(0.39, abs=0.005)


def test_naive_answers_by_hand() -> None:
    counts = np.zeros(230)
    counts[[224, 1]] = [3, 1]  # three of 225, one of 2
    cells = np.full((7, 6), np.nan)
    cells[6], cells[0] = [4, 4, 4, 90, 90, 90], [6, 6, 6, 80, 80, 80]
    prior = Prior("by hand", counts, np.array([5.0, 5, 5, 85, 85, 85]), cells)
    group = np.array([225, 225, 2, 14])
    niggli = np.array(
        [[4, 4, 4, 90, 90, 90], [5, 5, 5, 90, 90, 90], [6, 6, 6, 80, 80, 80], [np.nan] * 6]
    )
    found = baselines(prior, group, niggli, outputs_of([6, 0, 0, 1], [225] * 4))
    assert found.system_majority == found.group_majority == 0.5
    assert found.group_random == pytest.approx((0.75 + 0.75 + 0.25 + 0) / 4)
    assert found.mean_cell["lengths"]["mae"] == pytest.approx((1 + 0 + 1) / 3)
    assert found.mean_cell["angles"]["mae"] == pytest.approx(5)
    assert found.true_system_cell["lengths"]["mae"] == pytest.approx(1 / 3)
    assert found.predicted_system_cell["lengths"]["mae"] == pytest.approx((0 + 1 + 0) / 3)


def test_prior_of_a_set_uses_all_groups_and_only_known_cells() -> None:
    niggli = np.array([[3.0] * 3 + [90.0] * 3, [np.nan] * 6, [5.0] * 3 + [90.0] * 3])
    prior = prior_of_set(np.array([225, 2, 221]), niggli)
    assert prior.system_counts.tolist() == [1, 0, 0, 0, 0, 0, 2]
    assert prior.mean_cell[0] == 4.0
    assert np.isnan(prior.system_cells[0]).all()


def test_calibration_error_and_curve_by_hand() -> None:
    confidence = np.array([0.95, 0.95, 0.55, 0.55])
    right = np.array([True, True, True, False])
    assert expected_calibration_error(confidence, right, bins=10) == pytest.approx(0.05)
    curve = reliability(confidence, right, bins=10)
    assert curve.accuracy.tolist() == [0.5, 1.0]
    assert curve.count.tolist() == [2, 2]


def test_the_most_confident_come_first() -> None:
    curve = risk_coverage(np.array([0.2, 0.9, 0.6, 0.4]), np.array([False, True, True, False]))
    assert curve.accuracy.tolist() == pytest.approx([1, 1, 2 / 3, 0.5])
    assert curve.at(0.5) == 1.0
    assert curve.at(1.0) == 0.5
    assert curve.area_of_risk == pytest.approx((0 + 0 + 1 / 3 + 0.5) / 4)
