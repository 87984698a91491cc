"""Fitting the gate: patterns of crystals the memory holds, and of as many it does not hold."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from ..networks import HeadOutputs
from ..patterns import system_sums
from ._neighbours import Found
from ._network import Gate, combined

ROUNDS = 60


def fit_gate(own: HeadOutputs, found: Found, group: Tensor) -> Gate:
    """The gate that gives `group` (N,) 0…229 the greatest likelihood.

    `own`: the network's outputs for N patterns, `found`: the neighbours of their keys.
    """
    gate, sums = Gate(), system_sums()
    optimizer = torch.optim.LBFGS(
        gate.parameters(), lr=0.5, max_iter=ROUNDS, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        outputs = combined(own, found, gate, sums)
        # A pattern nobody could know must not rule the fit.
        loss = F.nll_loss(outputs.space_group.clamp_min(-9.0), group)
        loss.backward()
        return loss

    optimizer.step(closure)
    return gate.requires_grad_(False)
