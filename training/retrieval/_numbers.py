"""Small things said of probabilities."""

from __future__ import annotations

from torch import Tensor

TINY = 1e-7
"""Least probability, or sum of weights, that is reckoned with."""


def entropy(probability: Tensor) -> Tensor:
    """(N, K) distributions → (N,) in nats."""
    return -(probability * probability.clamp_min(TINY).log()).sum(dim=1)
