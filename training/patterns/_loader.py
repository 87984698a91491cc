"""Endless batches of patterns over a sampler's choice of crystals."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import NDArray

from ..reflections import ReflectionStore
from ._batch import Batch, Drawer, joined


@dataclass(frozen=True, slots=True, eq=False)
class PatternLoader:
    """Batch n is the same in every run.

    Drawn by the drawer's threads, either between the network's steps (`ahead` = 0: best where
    network and drawing share the same few cores) or `ahead` batches before they are wanted.
    """

    drawer: Drawer
    sampler: BalancedSampler
    batch_size: int
    seed: int
    ahead: int = 0

    def batches(self, start: int = 0, stride: int = 1) -> Iterator[Batch]:
        """Batches number `start`, `start` + `stride`, …"""
        if self.drawer.threads < 2:
            for number in count(start, stride):
                yield self.drawer.draw(*self._part(number, 0, 1))
        with ThreadPoolExecutor(self.drawer.threads, thread_name_prefix="patterns") as pool:
            waiting: deque[list[Future[Batch]]] = deque()
            for number in count(start, stride):
                waiting.append(self._submit(pool, number))
                if len(waiting) > self.ahead:
                    yield joined([part.result() for part in waiting.popleft()])

    def _submit(self, pool: ThreadPoolExecutor, number: int) -> list[Future[Batch]]:
        parts = self.drawer.threads
        return [pool.submit(self.drawer.draw, *self._part(number, i, parts)) for i in range(parts)]

    def _part(self, number: int, part: int, parts: int) -> tuple[NDArray[np.int64], int]:
        seed = self.seed * 1_000_003 + number
        crystals = self.sampler.sample(self.batch_size, seed)
        return np.array_split(crystals, parts)[part], seed * 64 + part


class BalancedSampler:
    """Crystals drawn so that rare space groups are seen more often than they occur.

    Probability of a group ∝ (its count)^`power`: 1 leaves the data as it is, 0 makes all alike. A
    crystal that has only been computed counts `theoretical_weight`, and is drawn that much less
    often than another of its group.
    """

    def __init__(
        self,
        store: ReflectionStore,
        crystals: NDArray[np.int64],
        power: float = 1.0,
        theoretical_weight: float = 1.0,
    ) -> None:
        own = np.where(store.theoretical[crystals], theoretical_weight, 1.0)
        groups = store.space_group_number[crystals].astype(np.int64)
        counts = np.bincount(groups, weights=own, minlength=231)
        weight = own * counts[groups] ** (power - 1.0)
        self._crystals = crystals
        self._cumulative = np.cumsum(weight) / weight.sum()

    def sample(self, size: int, seed: int) -> NDArray[np.int64]:
        """(size,) crystal indices; the same seed samples the same."""
        uniform = np.random.default_rng(seed).random(size)
        return self._crystals[
            np.searchsorted(self._cumulative, uniform).clip(0, self._crystals.size - 1)
        ]
