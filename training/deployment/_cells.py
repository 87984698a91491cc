"""Cells of keys that are near one another, all of one size: what an inverted file is made of."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2

SPARE = 1.03
"""Room in all cells together, over the number of keys."""
ROUNDS = 12
"""Of k-means."""
NEAREST = 96
"""Cells a key may be put into before those that are left over are dealt out."""


def cell_count(keys: int, size: int) -> int:
    """Cells of `size` that so many keys are put into."""
    return max(1, int(np.ceil(SPARE * keys / size)))


def cells_of(
    keys: NDArray[np.int8], size: int, seed: int = 20_29
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Directions (C, K) of C cells and (C, size) which of the keys (M, K) lie in each; −1: none.

    k-means over the keys' directions; then each key goes to the nearest cell that has room, those
    first that have most to lose.
    """
    directions = keys.astype(np.float32)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    count = cell_count(len(keys), size)
    chosen = np.random.default_rng(seed).choice(len(keys), size=count, replace=False)
    with warnings.catch_warnings():
        # A cell that nothing is nearest to is filled when keys are dealt out.
        warnings.filterwarnings("ignore", message="One of the clusters is empty")
        centroids, _ = kmeans2(directions, directions[chosen], iter=ROUNDS, minit="matrix")
    centroids = _unit(centroids)
    slots = _dealt(directions @ centroids.T, size)
    for cell, members in enumerate(slots):
        if (members >= 0).any():
            centroids[cell] = directions[members[members >= 0]].sum(axis=0)
    return _unit(centroids), slots


def _dealt(likeness: NDArray[np.float32], size: int) -> NDArray[np.int64]:
    """(C, size) of (M, C) cosines."""
    cells = likeness.shape[1]
    most = min(NEAREST, cells)
    near = np.argpartition(-likeness, most - 1, axis=1)[:, :most]
    values = np.take_along_axis(likeness, near, axis=1)
    order = np.argsort(-values, axis=1)
    near = np.take_along_axis(near, order, axis=1)
    values = np.take_along_axis(values, order, axis=1)
    slots = np.full((cells, size), -1, np.int64)
    filled, left = [0] * cells, []
    first = np.argsort(values[:, min(1, most - 1)] - values[:, 0], kind="stable")
    for key in first.tolist():
        for cell in near[key].tolist():
            if filled[cell] < size:
                slots[cell, filled[cell]] = key
                filled[cell] += 1
                break
        else:
            left.append(key)
    empty = np.argwhere(slots < 0)[: len(left)]
    slots[empty[:, 0], empty[:, 1]] = left
    return slots


def _unit(rows: NDArray[np.floating]) -> NDArray[np.float32]:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / np.maximum(length, 1e-9)).astype(np.float32)
