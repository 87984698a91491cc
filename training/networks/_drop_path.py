"""Stochastic depth."""

from __future__ import annotations

import torch
from torch import Tensor


def drop_path(branch: Tensor, probability: float, training: bool) -> Tensor:
    """A residual branch left out for a random share of the batch, the rest scaled to make up.

    Huang et al. (2016) ECCV, 646.
    """
    if not training or probability == 0:
        return branch
    shape = (len(branch), *[1] * (branch.ndim - 1))
    keep = torch.rand(shape, device=branch.device) >= probability
    return branch * (keep.to(branch.dtype) / (1 - probability))
