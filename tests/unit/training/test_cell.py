"""One cell of many."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from training.retrieval._cell import DFT_ANGLE, DFT_LENGTH, median_cell, quantile

CUBIC = [4.0, 4.0, 4.0, 90.0, 90.0, 90.0]
LARGE = [8.0, 9.0, 12.0, 80.0, 95.0, 110.0]
OWN = [5.5, 6.0, 7.0, 88.0, 91.0, 97.0]


def cell_of(cells: list, shares: list, weight: float) -> tuple[list, list]:
    both = median_cell(
        torch.tensor([cells]),
        torch.tensor([shares]),
        torch.tensor([OWN]),
        torch.tensor([[weight]]),
    )
    cell, sigma = (value[0].tolist() for value in both)
    return cell, sigma


@given(st.integers(0, 10_000), st.sampled_from([0.1, 0.5, 0.683]))
def test_quantiles_are_those_of_numpy(seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    values, weights = rng.normal(size=(3, 9, 2)), rng.random((3, 9)) + 1e-3
    weights /= weights.sum(axis=1, keepdims=True)
    got = quantile(torch.tensor(values).float(), torch.tensor(weights).float(), share)
    for row in range(3):
        for column in range(2):
            expected = np.quantile(
                values[row, :, column], share, weights=weights[row], method="inverted_cdf"
            )
            assert got[row, column] == pytest.approx(expected, abs=1e-6)


def test_of_two_different_crystals_the_likelier_is_taken_and_not_what_lies_between() -> None:
    cell, sigma = cell_of([CUBIC, LARGE], [0.6, 0.4], 0.95)
    assert cell == CUBIC
    assert sigma[0] == pytest.approx(np.hypot(8 - 4, DFT_LENGTH * 4)), "the other one's a"
    _, sure = cell_of([CUBIC, LARGE], [0.9, 0.1], 0.95)
    assert sure == pytest.approx([DFT_LENGTH * 4] * 3 + [DFT_ANGLE] * 3)
    _, unsure = cell_of([CUBIC, LARGE], [0.55, 0.45], 0.95)
    assert unsure[2] > 7


def test_the_networks_own_cell_where_nothing_was_found() -> None:
    cell, _ = cell_of([CUBIC, LARGE], [0.5, 0.5], 0.01)
    assert cell == OWN
    cell, _ = cell_of([CUBIC, LARGE], [0.0, 0.0], 0.9)
    assert cell == OWN


def test_a_median_of_reduced_cells_keeps_their_order() -> None:
    rng = np.random.default_rng(0)
    lengths = np.sort(rng.uniform(3, 12, (5, 32, 3)), axis=2)
    cells = torch.tensor(np.concatenate([lengths, rng.uniform(60, 120, (5, 32, 3))], axis=2))
    shares = torch.rand(5, 32).softmax(dim=1)
    own = torch.tensor([OWN] * 5)
    cell, sigma = median_cell(cells.float(), shares, own, torch.full((5, 1), 0.8))
    assert (cell[:, :3].diff(dim=1) >= 0).all()
    assert (sigma > 0).all()
