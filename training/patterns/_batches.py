"""Batches of training patterns, drawn ahead by a thread while the network works."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, fields
from itertools import count

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..reflections import ReflectionStore
from ._augmentation import Augmentation
from ._draw import draw_one
from ._laue import laue_rotations
from ._noise import QUANTILES


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """B patterns with their labels."""

    pattern: NDArray[np.float32]
    """(B, 8192), each scaled to 0…1."""
    crystal_system: NDArray[np.int64]
    """(B,) 0…6, triclinic … cubic."""
    space_group: NDArray[np.int64]
    """(B,) 0…229, number − 1."""
    lattice: NDArray[np.float32]
    """(B, 6) Niggli a b c (Å) α β γ (°) of the strained cell."""
    crystal: NDArray[np.int64]
    """(B,) index into the store."""


@njit(cache=True, nogil=True)
def _draw_all(crystals, others, tables, a, seed, patterns, labels):
    np.random.seed(seed)
    work = np.empty(patterns.shape[1])
    for b in range(crystals.size):
        draw_one(crystals[b], others[b], tables, a, work, labels[b])
        low, high = work.min(), work.max()
        for i in range(work.size):
            patterns[b, i] = (work[i] - low) / max(high - low, 1e-30)


class PatternDrawer:
    """Draws batches from a store; holds the compiled code's view of it."""

    def __init__(self, store: ReflectionStore, augmentation: Augmentation) -> None:
        rotations, counts = laue_rotations()
        self._numbers = store.space_group_number.astype(np.int64)
        self._tables = (
            self._numbers,
            store.cell,
            store.to_niggli,
            store.offsets,
            store.hkl,
            store.strength,
            rotations,
            counts,
            QUANTILES,
        )
        self._augmentation = augmentation

    def draw(self, crystals: NDArray[np.int64], seed: int) -> Batch:
        """One pattern of each of `crystals` (B,); the same seed draws the same."""
        patterns = np.empty((crystals.size, 8192), dtype=np.float32)
        labels = np.empty((crystals.size, 6), dtype=np.float32)
        others = np.random.default_rng(seed).integers(self._numbers.size, size=crystals.size)
        _draw_all(
            crystals, others, self._tables, self._augmentation, seed % 2**32, patterns, labels
        )
        numbers = self._numbers[crystals]
        limits = np.array([2, 15, 74, 142, 167, 194, 230])
        return Batch(patterns, np.searchsorted(limits, numbers), numbers - 1, labels, crystals)


def draw(
    store: ReflectionStore, crystals: NDArray[np.int64], augmentation: Augmentation, seed: int
) -> Batch:
    """One batch; see `PatternDrawer.draw`."""
    return PatternDrawer(store, augmentation).draw(crystals, seed)


class PatternLoader:
    """Endless batches over what `sampler` picks; batch n is the same in every run.

    Drawn by `threads` threads, either between the network's steps (`ahead` = 0: best where
    network and drawing share the same few cores) or `ahead` batches before they are wanted.
    """

    def __init__(
        self,
        drawer: PatternDrawer,
        sampler: BalancedSampler,
        batch_size: int,
        seed: int,
        threads: int = 2,
        ahead: int = 0,
    ) -> None:
        self._drawer = drawer
        self._sampler = sampler
        self._batch_size = batch_size
        self._seed = seed
        self._threads = threads
        self._ahead = ahead

    def batches(self, start: int = 0) -> Iterator[Batch]:
        """Batches number `start`, `start` + 1, …"""
        with ThreadPoolExecutor(self._threads, thread_name_prefix="patterns") as pool:
            waiting: deque[list[Future[Batch]]] = deque()
            for number in count(start):
                waiting.append(self._submit(pool, number))
                if len(waiting) > self._ahead:
                    yield joined([part.result() for part in waiting.popleft()])

    def _submit(self, pool: ThreadPoolExecutor, number: int) -> list[Future[Batch]]:
        seed = self._seed * 1_000_003 + number
        crystals = self._sampler.sample(self._batch_size, seed)
        parts = np.array_split(crystals, self._threads)
        return [pool.submit(self._drawer.draw, p, seed * 64 + i) for i, p in enumerate(parts)]


def joined(parts: list[Batch]) -> Batch:
    """One batch of several."""
    arrays = {f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Batch)}
    return Batch(**arrays)


class BalancedSampler:
    """Crystals drawn so that rare space groups are seen more often than they occur.

    Probability of a group ∝ (its count)^`power`: 1 leaves the data as it is, 0 makes all alike.
    """

    def __init__(
        self, store: ReflectionStore, crystals: NDArray[np.int64], power: float = 1.0
    ) -> None:
        groups = store.space_group_number[crystals].astype(np.int64)
        counts = np.bincount(groups, minlength=231).astype(np.float64)
        weight = counts[groups] ** (power - 1.0)
        self._crystals = crystals
        self._cumulative = np.cumsum(weight) / weight.sum()

    def sample(self, size: int, seed: int) -> NDArray[np.int64]:
        """(size,) crystal indices; the same seed samples the same."""
        uniform = np.random.default_rng(seed).random(size)
        return self._crystals[
            np.searchsorted(self._cumulative, uniform).clip(0, self._crystals.size - 1)
        ]
