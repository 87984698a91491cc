from __future__ import annotations

import numpy as np
import pytest

from alphadiffract_stream.prediction import Outputs
from training.evaluation import combined, evaluate_outputs, size_curve


def network(seed: int, group: np.ndarray, strength: float) -> Outputs:
    """Random answers in which the true group is raised by `strength`."""
    rng = np.random.default_rng(seed)
    n = len(group)
    logits = rng.normal(size=(n, 230))
    logits[np.arange(n), group - 1] += strength
    space_group = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    limits = [0, 2, 15, 74, 142, 167, 194]
    system = np.add.reduceat(space_group, limits, axis=1)
    return Outputs(
        system.astype(np.float32),
        np.zeros((n, 7), np.float32),
        space_group.astype(np.float32),
        np.zeros((n, 230), np.float32),
        rng.uniform(3, 9, (n, 6)).astype(np.float32),
        np.zeros((n, 6), np.float32),
        rng.normal(size=(n, 4)).astype(np.float32),
    )


GROUPS = np.random.default_rng(0).integers(1, 231, 200)
NIGGLI = np.full((200, 6), np.nan)


def test_shares_and_histograms_agree_with_one_another() -> None:
    outputs = network(1, GROUPS, 3.0)
    hops = np.abs(np.arange(230)[:, None] - np.arange(230)).clip(max=6)
    found = evaluate_outputs(outputs, GROUPS, NIGGLI, hops)
    assert found.graph_distance is not None
    assert sum(found.graph_distance) == pytest.approx(1)
    assert found.graph_distance[0] == pytest.approx(found.group_top1)
    assert found.within_one_edge == pytest.approx(sum(found.graph_distance[:2]))
    assert found.group_top["1"] == found.group_top1 <= found.group_top["3"] <= found.group_top5
    table = np.array(found.confusion)
    assert table.sum() == 200
    assert np.trace(table) / 200 == pytest.approx(found.system_top1)
    weights = sum(row["system_top1"] * row["patterns"] for row in found.per_system.values())
    assert weights / 200 == pytest.approx(found.system_top1)
    assert found.lattices == 0
    assert found.length_mae is None
    assert found.cells_found is None
    assert found.lattice == {}


def test_a_cell_is_found_in_any_setting() -> None:
    """Of three known cells: within 3 % and 2° with axes in another order; one angle off; NaN."""
    outputs = network(1, GROUPS[:4], 1.0)
    true = np.array([[4, 5, 6, 80, 90, 100]] * 4, float)
    true[3] = np.nan
    outputs.lattice[0] = [5.1, 3.95, 6.1, 91, 81, 100]
    outputs.lattice[1] = [4, 5, 6, 80, 90, 103]
    outputs.lattice[2] = np.nan
    found = evaluate_outputs(outputs, GROUPS[:4], true)
    assert found.lattices == 3
    assert found.cells_found == pytest.approx(1 / 3)


def test_an_empty_set_is_an_error() -> None:
    empty = network(1, GROUPS[:0], 1.0)
    with pytest.raises(ValueError, match="no patterns"):
        evaluate_outputs(empty, GROUPS[:0], NIGGLI[:0])


def test_combining_is_the_mean_and_the_whole_variance() -> None:
    one, two = network(1, GROUPS, 1.0), network(2, GROUPS, 1.0)
    both = combined([one, two])
    np.testing.assert_allclose(both.space_group, (one.space_group + two.space_group) / 2, rtol=1e-5)
    half = np.abs(one.lattice - two.lattice) / 2
    np.testing.assert_allclose(both.lattice_std, half, rtol=1e-4, atol=1e-6)
    # Two ensembles of two and one: as if all three stood side by side.
    three = network(3, GROUPS, 1.0)
    joined = combined([both, three], [2, 1])
    side = np.stack([o.lattice for o in (one, two, three)])
    np.testing.assert_allclose(joined.lattice, side.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(joined.lattice_std, side.std(axis=0), rtol=1e-3, atol=1e-5)


def test_independent_members_help_one_another() -> None:
    curve = size_curve([network(seed, GROUPS, 2.0) for seed in range(4)], GROUPS)
    assert [point.size for point in curve] == [1, 2, 3, 4]
    assert [point.subsets for point in curve] == [4, 6, 4, 1]
    assert curve[0].group_interval == 0
    assert curve[1].group_interval > 0
    assert curve[3].group > curve[0].group + 0.1
