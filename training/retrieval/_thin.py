"""Crystals that a memory need not hold twice.

Two are the same where they have the same space group, keys of a cosine above `SIMILARITY`, and
cells that differ by less than `LENGTH` (relative) and `ANGLE` (degrees).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from ._memory import Memory, Remembered

SIMILARITY, LENGTH, ANGLE = 0.97, 0.02, 1.0
ROWS = 2000
"""Compared at a time."""


def thinned(memory: Memory, similarity: float = SIMILARITY) -> Memory:
    """`memory` without what is the same as an earlier crystal of it."""
    kept = np.ones(len(memory), dtype=bool)
    for group in np.unique(memory.group):
        rows = np.flatnonzero(memory.group == group)
        crystals = memory.take(rows)
        for later, earlier in _same(crystals, crystals, similarity):
            kept[rows[later[earlier < later].numpy()]] = False
    return memory.take(kept)


def known(new: Remembered, old: Remembered, similarity: float = SIMILARITY) -> NDArray[np.bool_]:
    """(N,) whether `old` holds each of `new` already."""
    repeated = np.zeros(len(new), dtype=bool)
    for group in np.unique(new.group):
        rows, others = np.flatnonzero(new.group == group), np.flatnonzero(old.group == group)
        for mine, _ in _same(new.take(rows), old.take(others), similarity):
            repeated[rows[mine.numpy()]] = True
    return repeated


def _same(one: Remembered, other: Remembered, similarity: float) -> Iterator[tuple[Tensor, Tensor]]:
    """Indices into `one` and into `other` of crystals of like keys and cells."""
    keys, other_keys = _directions(one), _directions(other)
    cell, other_cell = _units(one), _units(other)
    for first in range(0, len(one), ROWS):
        alike = keys[first : first + ROWS] @ other_keys.T > similarity
        mine, theirs = torch.nonzero(alike, as_tuple=True)
        mine = mine + first
        close = (cell[mine] - other_cell[theirs]).abs().amax(dim=1) < 1
        yield mine[close], theirs[close]


def _directions(crystals: Remembered) -> Tensor:
    return F.normalize(torch.from_numpy(crystals.keys).float(), dim=1)


def _units(crystals: Remembered) -> Tensor:
    """(M, 6) cells, in what they may differ by."""
    cell = torch.from_numpy(crystals.lattice.astype(np.float32))
    return torch.cat([cell[:, :3].log() / np.log1p(LENGTH), cell[:, 3:] / ANGLE], dim=1)
