"""Laboratory scans as a diffractometer writes them: its own steps, not yet on any grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from ...reflections import ReflectionStore, SymmetryTables
from .._augmentation import Augmentation
from .._axis import CANONICAL, CU_MEAN, POINTS, START, STEP, STOP
from ._draw import add_floor, chance, clip_baseline, draw_clean, draw_noise, draw_stretch, stage
from ._drawer import tables_of
from ._instrument import sample
from ._noise import add_noise

FIRST, LAST = 5.0, 90.0
"""Degrees 2θ at Cu Kα: what a laboratory scan covers."""


@njit(cache=True, nogil=True)
def _scan_all(crystals, seeds, tables, a, axis, values, stretches, labels):
    work = np.empty(POINTS)
    for b in range(crystals.size):
        seed = seeds[b]
        stage(seed, 12)
        other = np.random.randint(0, tables[0].size)
        draw_clean(crystals[b], other, tables, a, seed, work, labels[b])
        stage(seed, 13)
        add_floor(work, a)
        stage(seed, 14)
        lambda_max, sigma = draw_noise(a)
        values[b] = sample(work, axis)
        add_noise(values[b], lambda_max, sigma, tables[-1])
        stage(seed, 15)
        if chance(a.clip_probability):
            clip_baseline(values[b])
        stretches[b, 0], stretches[b, 1] = 0, POINTS
        if chance(a.truncation_probability):
            stretches[b, 0], stretches[b, 1] = draw_stretch()


@dataclass(frozen=True, slots=True, eq=False)
class Scans:
    """B scans on one axis, of n points."""

    two_theta: NDArray[np.float64]
    """(n,) degrees at `wavelength`."""
    wavelength: float
    """Å."""
    intensity: NDArray[np.float64]
    """(B, n)."""
    measured: NDArray[np.bool_]
    """(B, n) False where a truncated scan does not reach."""
    lattice: NDArray[np.float64]
    """(B, 6) Niggli a b c (Å) α β γ (°) of the strained cell."""


class ScanDrawer:
    """Draws Cu Kα scans of a store's crystals, each from a seed of its own.

    Every cause has random numbers of its own: two augmentations that differ in one cause draw all
    else alike, so that answers can be paired. Of the scan from 5° to 90° only what falls on the
    canonical grid (12.5° to 51.2°) is drawn; the rest never reaches a network. `step`: degrees.
    """

    def __init__(
        self,
        store: ReflectionStore,
        augmentation: Augmentation,
        symmetry: SymmetryTables,
        step: float = 0.01,
    ) -> None:
        self._tables = tables_of(store, symmetry)
        self._augmentation = augmentation._replace(own_step_probability=1.0, lab_probability=1.0)
        points: NDArray[np.float64] = FIRST + step * np.arange(round((LAST - FIRST) / step) + 1.0)
        low, high = (_angle(end, CANONICAL, CU_MEAN) for end in (START - STEP, STOP + STEP))
        self._two_theta = points[(points > low - 2 * step) & (points < high + 2 * step)]
        self._canonical = _angle(self._two_theta, CU_MEAN, CANONICAL)

    def draw(self, crystals: NDArray[np.int64], seeds: NDArray[np.int64]) -> Scans:
        """One scan of each of `crystals` (B,); the same `seeds` (B,), ≥ 0, draw the same."""
        values = np.empty((crystals.size, self._two_theta.size))
        stretches = np.empty((crystals.size, 2), dtype=np.int64)
        labels = np.empty((crystals.size, 6))
        arguments = (self._tables, self._augmentation, self._canonical)
        _scan_all(crystals, seeds, *arguments, values, stretches, labels)
        place = (self._canonical - START) / STEP
        first, last = stretches[:, :1], stretches.sum(axis=1, keepdims=True)
        # A whole scan reaches a little over both ends.
        inside = (place >= np.where(first == 0, -np.inf, first)) & (
            place < np.where(last == POINTS, np.inf, last)
        )
        return Scans(self._two_theta, CU_MEAN, values, inside, labels)


def _angle(two_theta: ArrayLike, old: float, new: float) -> NDArray[np.float64]:
    """2θ (°) at another wavelength."""
    sine = np.sin(np.radians(np.asarray(two_theta, dtype=np.float64) / 2)) * (new / old)
    return 2 * np.degrees(np.arcsin(sine))
