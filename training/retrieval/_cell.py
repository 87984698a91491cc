"""One cell of many: what the neighbours' cells and the network's own amount to.

A median rather than a mean. Neighbours are crystals that exist; between two of them lies no third,
and a mean of a right cell and two wrong ones is wrong in all six numbers (decision 28).
"""

from __future__ import annotations

import torch
from torch import Tensor

from ._numbers import TINY

OWN_SHARE = 0.25
"""Of the weight the gate leaves to the network: its cell is itself a mean of many, and hardly ever
within some per cent."""
ONE_SIGMA = 0.683
"""Share of a Gaussian within one σ of its mean."""
DFT_LENGTH, DFT_ANGLE = 0.02, 0.5
"""By how much a computed cell differs from a measured one: relative, and degrees."""


def median_cell(
    cells: Tensor, shares: Tensor, own: Tensor, weight: Tensor
) -> tuple[Tensor, Tensor]:
    """Cell and its σ, (N, 6) each, Å and °.

    `cells` (N, k, 6) of neighbours believed with `shares` (N, k) that sum to 1; `own` (N, 6), the
    network's; `weight` (N, 1) of the neighbours, 0…1. σ is how far from the median 68 % of the
    weight lies, and no less than computed and measured cells differ.
    """
    values = torch.cat([cells, own[:, None]], dim=1)
    weights = torch.cat([weight * shares, OWN_SHARE * (1 - weight)], dim=1)
    weights = weights / weights.sum(dim=1, keepdim=True).clamp_min(TINY)
    cell = quantile(values, weights, 0.5)
    spread = quantile((values - cell[:, None]).abs(), weights, ONE_SIGMA)
    floor = torch.cat([DFT_LENGTH * cell[:, :3], torch.full_like(cell[:, 3:], DFT_ANGLE)], dim=1)
    return cell, (spread**2 + floor**2).sqrt()


def quantile(values: Tensor, weights: Tensor, share: float) -> Tensor:
    """(N, c): in each column of `values` (N, k, c) the least below or at which lies `share` of the
    `weights` (N, k), which sum to 1.
    """
    columns = values.transpose(1, 2)
    ordered, index = columns.topk(columns.shape[2], dim=2, largest=False)
    sorted_weights = weights[:, None, :].expand_as(columns).gather(2, index)
    # Running sums as a product with a triangle: what every runtime can do.
    triangle = torch.ones(2 * [columns.shape[2]], device=values.device).triu()
    below = (sorted_weights @ triangle < share).sum(dim=2, keepdim=True)
    place = below.clamp_max(columns.shape[2] - 1)
    return ordered.gather(2, place).squeeze(2)
