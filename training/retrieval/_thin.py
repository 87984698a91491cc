"""Crystals that a memory need not hold twice."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from ._memory import Memory

ROWS = 2000
"""Compared at a time."""


def thinned(
    memory: Memory, similarity: float = 0.97, *, length: float = 0.02, angle: float = 1.0
) -> Memory:
    """`memory` without what repeats an earlier crystal of the same space group.

    Repeats: keys of a cosine above `similarity`, and cells that differ by less than `length`
    (relative) and `angle` (degrees).
    """
    kept = np.ones(len(memory), dtype=bool)
    for group in np.unique(memory.group):
        rows = np.flatnonzero(memory.group == group)
        kept[rows[_repeats(memory, rows, similarity, length, angle)]] = False
    return Memory(
        memory.keys[kept], memory.group[kept], memory.lattice[kept], memory.identifier[kept]
    )


def _repeats(
    memory: Memory, rows: NDArray[np.int64], similarity: float, length: float, angle: float
) -> NDArray[np.bool_]:
    """(n,) of `rows`, those that repeat one before them."""
    keys = F.normalize(torch.from_numpy(memory.keys[rows]).float(), dim=1)
    cell = torch.from_numpy(memory.lattice[rows].astype(np.float32))
    place = torch.cat([cell[:, :3].log() / np.log1p(length), cell[:, 3:] / angle], dim=1)
    repeated = np.zeros(rows.size, dtype=bool)
    for first in range(0, rows.size, ROWS):
        later, earlier = _pairs(keys, first, similarity)
        close = (place[later] - place[earlier]).abs().amax(dim=1) < 1
        repeated[later[close].numpy()] = True
    return repeated


def _pairs(keys: Tensor, first: int, similarity: float) -> tuple[Tensor, Tensor]:
    """Indices of alike keys, the later (of `ROWS` from `first` on) and the earlier."""
    alike = keys[first : first + ROWS] @ keys.T > similarity
    later, earlier = torch.nonzero(alike, as_tuple=True)
    later = later + first
    return later[earlier < later], earlier[earlier < later]
