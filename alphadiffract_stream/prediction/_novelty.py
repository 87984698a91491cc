"""How far a pattern lies from everything a network was validated on."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._card import Domain

_SMALLEST_STD = 1e-6
"""A feature that never moves in validation would otherwise divide by zero."""


def distances(
    embedding: NDArray[np.floating], mean: ArrayLike, std: ArrayLike
) -> NDArray[np.float64]:
    """(N,) root-mean-square standardised distance of (N, F) embeddings from (F,) mean and std.

    The definition behind `Domain.threshold`: use it when a card is written, too.
    """
    scale = np.maximum(np.asarray(std, dtype=np.float64), _SMALLEST_STD)
    standardised = (embedding - np.asarray(mean, dtype=np.float64)) / scale
    return np.sqrt(np.square(standardised).sum(axis=1) / standardised.shape[1])


def novelties(embedding: NDArray[np.floating], domain: Domain | None) -> NDArray[np.float64]:
    """(N,) distance over the card's threshold; NaN where the card knows no domain."""
    if domain is None:
        return np.full(len(embedding), np.nan)
    mean, std = domain.arrays
    return distances(embedding, mean, std) / domain.threshold
