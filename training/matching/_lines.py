"""The strongest lines of each remembered crystal, and whether it was ever measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ..patterns import SYSTEM_LIMITS
from ..reflections import ReflectionStore
from ._axis import POINTS, places

LINES = "lines.npz"
"""In a folder, beside the memory."""
COUNT = 40
"""Of a crystal."""
MARGIN = 64
"""Points beyond either end of the grid: a strained cell moves lines onto it."""
FINE = 8
"""Parts of a point that places are rounded to."""
NONE, SHARES = 128, 60
"""What stands for a share of nothing, and steps to a share of 1."""
TETRAGONAL, CUBIC = 3, 6
"""Of the systems, 0 triclinic."""
TOGETHER = 3.0
"""Points; reflections nearer than this are one line."""


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """Up to L lines of each of M crystals, strongest first; of strength 0 where there are less."""

    place: NDArray[np.uint16]
    """(M, L), in parts of a point from `MARGIN` before the grid."""
    strength: NDArray[np.uint8]
    """(M, L) √(intensity / the strongest one's) · 255."""
    share: NDArray[np.uint8]
    """(M, L, 3) how much of 1/d² is each axis', 1 being `SHARES` and nothing `NONE`: by so much a
    line moves where the axis becomes longer. The rest is the angles'."""
    theoretical: NDArray[np.uint8]
    """(M, 1) 1 of a crystal that has only been computed."""

    def __len__(self) -> int:
        return len(self.place)

    def __add__(self, other: Self) -> Self:
        columns = ((getattr(self, f.name), getattr(other, f.name)) for f in fields(self))
        return type(self)(*(np.concatenate(pair) for pair in columns))

    def take(self, rows: NDArray) -> Self:
        """Some of them: a mask or indices."""
        return type(self)(*(getattr(self, f.name)[rows] for f in fields(self)))

    def save(self, path: Path) -> None:
        """Write an ``.npz``."""
        np.savez_compressed(path, **{f.name: getattr(self, f.name) for f in fields(self)})

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote. Raises FileNotFoundError."""
        with np.load(path) as arrays:
            return cls(**{f.name: arrays[f.name] for f in fields(cls)})


def lines_of(
    store: ReflectionStore,
    crystals: NDArray[np.int64],
    count: int = COUNT,
    progress: Callable[[int], None] = lambda done: None,
) -> Lines:
    """Of `crystals` (M,), indices into `store`."""
    place = np.zeros((len(crystals), count), np.uint16)
    strength = np.zeros((len(crystals), count), np.uint8)
    share = np.full((len(crystals), count, 3), NONE, np.uint8)
    for row, crystal in enumerate(crystals):
        where, height, axes = _strongest(store, int(crystal), count)
        place[row, : len(where)] = np.round((where + MARGIN) * FINE)
        strength[row, : len(where)] = np.round(255 * np.sqrt(height))
        share[row, : len(where)] = np.round(NONE + SHARES * axes).clip(0, 255)
        progress(1)
    theoretical = store.theoretical[crystals, None].astype(np.uint8)
    return Lines(place, strength, share, theoretical)


def _strongest(
    store: ReflectionStore, crystal: int, count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Places, heights (of the strongest: 1) and shares of the axes of up to `count` lines."""
    rows = slice(store.offsets[crystal], store.offsets[crystal + 1])
    hkl = store.hkl[rows].astype(np.float64)
    reciprocal = _reciprocal(store.cell[crystal])
    inverse_d2 = np.einsum("ni,ij,nj->n", hkl, reciprocal, hkl)
    place = places(np.sqrt(inverse_d2))
    # Towards small angles the Lorentz factor weighs lines by d².
    height = store.strength[rows] / inverse_d2
    order = np.argsort(place)
    order = order[(place[order] > -MARGIN) & (place[order] < POINTS + MARGIN)]
    if not order.size:
        return np.zeros(0), np.zeros(0), np.zeros((0, 3))
    each = hkl**2 * np.diag(reciprocal) / inverse_d2[:, None]
    axes = _free(each, int(store.space_group_number[crystal]))[order]
    place, height = place[order], height[order]
    line = np.concatenate([[0], np.cumsum(np.diff(place) > TOGETHER)])
    total = np.bincount(line, weights=height)
    columns = (np.bincount(line, weights=height * v) / total for v in (place, *axes.T))
    where, *shares = columns
    best = np.argsort(-total)[:count]
    return where[best], total[best] / total.max(), np.stack(shares, axis=1)[best]


def _free(shares: NDArray[np.float64], space_group: int) -> NDArray[np.float64]:
    """(n, 3) of each axis → of each that may become longer alone; equal axes count as the first."""
    system = int(np.searchsorted(SYSTEM_LIMITS, space_group))
    if system < TETRAGONAL:
        return shares
    last = shares[:, 2] if system < CUBIC else np.zeros(len(shares))
    return np.stack([1 - last, np.zeros(len(shares)), last], axis=1)


def _reciprocal(cell: NDArray[np.float32]) -> NDArray[np.float64]:
    """(3, 3) reciprocal metric (Å⁻²) of a b c (Å) α β γ (°)."""
    lengths = cell[:3].astype(np.float64)
    alpha, beta, gamma = np.cos(np.radians(cell[3:].astype(np.float64)))
    cosines = np.array([[1, gamma, beta], [gamma, 1, alpha], [beta, alpha, 1]])
    metric = np.outer(lengths, lengths) * cosines
    return np.linalg.inv(metric).astype(np.float64)
