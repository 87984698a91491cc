"""Equations (1)–(3) of the paper, letter by letter."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def paper_noise(
    clean: NDArray[np.float64],
    lambda_max: NDArray[np.float64],
    sigma_rel: NDArray[np.float64],
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Noisy (n, m) of clean patterns (n, m); λmax counts and σrel (n,) of each. Paper §5.2."""
    peak = clean.max(axis=1, keepdims=True)
    expected = lambda_max[:, None] * np.maximum(clean, 0.0) / peak
    counted = peak / lambda_max[:, None] * rng.poisson(expected)  # (1)
    low, high = counted.min(axis=1, keepdims=True), counted.max(axis=1, keepdims=True)
    span = np.where(high > low, high - low, 1.0)
    gauss = (counted - low) / span + rng.normal(0.0, sigma_rel[:, None], clean.shape)  # (2)
    least, most = gauss.min(axis=1, keepdims=True), gauss.max(axis=1, keepdims=True)
    return (gauss - least) / (most - least) * (high - low) + low  # (3)
