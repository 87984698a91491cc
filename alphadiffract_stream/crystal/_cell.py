"""Unit cells as six numbers, a b c (Å) α β γ (°), and as metric tensors."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Cell = tuple[float, float, float, float, float, float]


def metric_tensor(cell: ArrayLike) -> Array:
    """Metric tensor G of `cell`: Gij = aᵢ · aⱼ.

    cell: (..., 6) Å and degrees. Returns (..., 3, 3) Å².
    """
    six = np.asarray(cell, dtype=np.float64)
    lengths, cosines = six[..., :3], np.cos(np.radians(six[..., 3:]))
    gram = np.ones((*six.shape[:-1], 3, 3))
    for (i, j), angle in (((1, 2), 0), ((0, 2), 1), ((0, 1), 2)):
        gram[..., i, j] = gram[..., j, i] = cosines[..., angle]
    return gram * lengths[..., :, None] * lengths[..., None, :]


def cell_from_metric(metric: ArrayLike) -> Array:
    """Six numbers of the cell with metric tensor `metric`.

    metric: (..., 3, 3) Å². Returns (..., 6) Å and degrees; NaN where `metric` is no cell's.
    """
    g = np.asarray(metric, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        lengths = np.sqrt(np.diagonal(g, axis1=-2, axis2=-1))
        a, b, c = np.moveaxis(lengths, -1, 0)
        cosines = np.stack(
            (g[..., 1, 2] / (b * c), g[..., 0, 2] / (a * c), g[..., 0, 1] / (a * b)), axis=-1
        )
        return np.concatenate((lengths, np.degrees(np.arccos(cosines))), axis=-1)


def volume(cell: ArrayLike) -> Array:
    """Volume in Å³ of cells (..., 6); NaN where the angles enclose none."""
    with np.errstate(invalid="ignore"):
        return np.sqrt(np.linalg.det(metric_tensor(cell)))
