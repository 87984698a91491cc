"""Batches drawn by the compiled loops."""

from __future__ import annotations

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray

from ...reflections import ReflectionStore, SymmetryTables
from .._augmentation import Augmentation
from .._batch import Batch, class_labels
from ._draw import draw_one
from ._noise import QUANTILES


@njit(cache=True, nogil=True)
def _draw_all(crystals, others, tables, a, seed, patterns, labels):
    np.random.seed(seed)
    work = np.empty(patterns.shape[1])
    for b in range(crystals.size):
        draw_one(crystals[b], others[b], tables, a, work, labels[b])
        low, high = work.min(), work.max()
        for i in range(work.size):
            patterns[b, i] = (work[i] - low) / max(high - low, 1e-30)


def tables_of(store: ReflectionStore, symmetry: SymmetryTables) -> tuple[NDArray, ...]:
    """The compiled code's view of a store."""
    return (
        store.space_group_number.astype(np.int64),
        store.cell,
        store.to_niggli,
        store.offsets,
        store.hkl,
        store.strength,
        symmetry.rotations.astype(np.float32),
        symmetry.counts,
        QUANTILES,
    )


class PatternDrawer:
    """Draws batches from a store; holds the compiled code's view of it."""

    def __init__(
        self,
        store: ReflectionStore,
        augmentation: Augmentation,
        symmetry: SymmetryTables | None = None,
        threads: int = 2,
    ) -> None:
        symmetry = symmetry or SymmetryTables.derived()
        self.threads = threads
        self._numbers = store.space_group_number.astype(np.int64)
        self._tables = tables_of(store, symmetry)
        self._augmentation = augmentation

    def draw(self, crystals: NDArray[np.int64], seed: int) -> Batch:
        """One pattern of each of `crystals` (B,); the same seed draws the same."""
        patterns = np.empty((crystals.size, 8192), dtype=np.float32)
        labels = np.empty((crystals.size, 6), dtype=np.float32)
        others = np.random.default_rng(seed).integers(self._numbers.size, size=crystals.size)
        _draw_all(
            crystals, others, self._tables, self._augmentation, seed % 2**32, patterns, labels
        )
        systems, groups = class_labels(self._numbers[crystals])
        arrays = (patterns, systems, groups, labels, crystals)
        return Batch(*(torch.from_numpy(array) for array in arrays))
