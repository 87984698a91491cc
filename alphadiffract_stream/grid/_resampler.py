"""Area-faithful resampling onto the canonical grid, precomputed for an axis.

The signal is taken as the straight lines between its points. Every grid point gets the mean of
that signal over its cell (one grid step wide, centred on the point), from the exact integral. A
scan finer than the grid is so averaged, a coarser one interpolated, and both keep area and height.

Values stay values of a function of 2θ: no Jacobian dθ/dθ′ is applied on the way from another
wavelength, as in the paper, whose patterns are compared by height on the canonical grid.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import PatternError
from ._axis import check_monotonic
from ._canonical import GRID_MAX, GRID_MIN, GRID_STEP, GRID_TWO_THETA, N_POINTS

Array = NDArray[np.float64]
Index = NDArray[np.intp]

MINIMUM_POINTS = 16
"""Usable points on the grid under which a pattern is refused."""
BRIDGED = 0.05
"""Degrees 2θ at 20 keV: a hole this wide is always bridged by a straight line."""
BRIDGED_STEPS = 4.0
"""A wider hole is bridged too while it is no wider than this many steps of its surroundings."""
_NEIGHBOURS = 8
_MANY = 2
"""Points a cell, on average, from which summing cell by cell is the faster way."""
_EDGES = np.append(GRID_TWO_THETA - GRID_STEP / 2, GRID_MAX + GRID_STEP / 2)


class Resampler:
    """Linear map from intensities at fixed 2θ to the canonical grid. Immutable, thread-safe.

    two_theta: (n,) degrees at 20 keV, ascending or descending; equal neighbours are averaged, NaN
    left out. used: (n,) True where a point counts; None for all. Raises PatternError for an axis
    that turns round and where fewer than 16 usable points lie on the grid.
    """

    select: slice | Index
    """What takes the m ≤ n points that matter from the last axis, by ascending 2θ."""
    mask: NDArray[np.bool_]
    """(8192,) True where the axis does not cover the grid point. Read only."""
    coverage: float
    """Share of grid points covered, 0…1."""
    step: float
    """Median step of the usable points on the grid, degrees 2θ at 20 keV."""
    gaps: bool
    """Whether a hole too wide to bridge lies between the first and last point on the grid."""
    repeated: bool
    """Whether some points share a position and are averaged."""

    def __init__(self, two_theta: ArrayLike, used: NDArray[np.bool_] | None = None) -> None:
        angle = np.asarray(two_theta, dtype=np.float64)
        self._n = angle.size
        index = _usable(angle, used)
        x, first = np.unique(np.maximum.accumulate(angle[index]), return_index=True)
        index, x, first = _near_grid(index, x, first)
        self.select = _as_slice(index)
        counts = np.diff(first, append=index.size)
        self.repeated = bool((counts > 1).any())
        self._first, self._counts = first, counts.astype(np.float64)

        width = np.diff(x)
        bridged = _bridged(width)
        inside = (x[1:] > GRID_MIN) & (x[:-1] < GRID_MAX)
        self.step = float(np.median(width[inside]))
        self.gaps = bool((inside & ~bridged).any())
        half_width = np.append(np.where(bridged, width / 2, 0.0), 0.0)
        self._point_width = half_width + np.roll(half_width, 1)

        edges = np.clip(_EDGES, x[0], x[-1])
        left = np.clip(np.searchsorted(x, edges, side="right") - 1, 0, x.size - 2)
        t = np.where(bridged[left], edges - x[left], 0.0)
        # Integral of a straight line from its left end to t: y₀ t + (y₁ − y₀) t² / 2w.
        self._right_weight = t * t / (2 * width[left])
        # The points before `left` come with both their half widths, so `left` brings its first.
        self._left_weight = t - self._right_weight + half_width[left - 1] * (left > 0)
        self._left, self._right = left, left + 1
        # Cells that hold many points are summed cell by cell: a running sum over all waits, at
        # each point, for the one before it.
        self._by_cell = x.size > _MANY * N_POINTS
        self._pointless = np.flatnonzero(np.diff(left) == 0)

        length = self._cell_integrals(np.ones(x.size))
        covered = length >= GRID_STEP / 2 * (1 - 1e-6)
        self._per_length = np.divide(1.0, length, out=np.zeros(N_POINTS), where=covered)
        self.mask = ~covered
        self.mask.flags.writeable = False
        self.coverage = float(np.count_nonzero(covered)) / N_POINTS
        if not covered.any():
            raise PatternError("axis", "covers no cell of the grid", "give a wider range")

    def __call__(self, intensity: ArrayLike) -> Array:
        """Intensity on the grid: (..., n) → (..., 8192) float64.

        Points not covered get the lowest covered value of their pattern, which the network's
        min–max scaling turns into 0. Values of points left out are never looked at.
        """
        values = np.asarray(intensity)
        if values.shape[-1:] != (self._n,):
            raise ValueError(f"intensity: shape {values.shape}, expected (..., {self._n})")
        return self.means(values[..., self.select])

    def means(self, selected: NDArray[np.floating]) -> Array:
        """The same for intensities already taken with `select`: (..., m) → (..., 8192)."""
        y = selected.astype(np.float64, copy=False)
        if self.repeated:
            y = np.add.reduceat(y, self._first, axis=-1) / self._counts
        out = self._cell_integrals(y)
        out *= self._per_length
        if self.coverage < 1.0:
            lowest = out.min(axis=-1, where=~self.mask, initial=np.inf, keepdims=True)
            np.copyto(out, lowest, where=self.mask)
        return out

    def _cell_integrals(self, y: Array) -> Array:
        """(..., m) values at the kept positions → (..., 8192) integral over each cell."""
        area = y * self._point_width
        at_edge = y.take(self._left, axis=-1, mode="clip")
        at_edge *= self._left_weight
        part = y.take(self._right, axis=-1, mode="clip")
        part *= self._right_weight
        at_edge += part
        if self._by_cell:
            cells = np.add.reduceat(area, self._left, axis=-1)[..., :-1]
            # `reduceat` gives the next point where there is none to sum.
            cells[..., self._pointless] = 0.0
            return cells + (at_edge[..., 1:] - at_edge[..., :-1])
        before = np.zeros((*y.shape[:-1], y.shape[-1] + 1))
        np.cumsum(area, axis=-1, out=before[..., 1:])
        at_edge += before.take(self._left, axis=-1, mode="clip")
        return at_edge[..., 1:] - at_edge[..., :-1]


def _usable(angle: Array, used: NDArray[np.bool_] | None) -> Index:
    """Indices of the points that count, by ascending angle."""
    keep = np.isfinite(angle) if used is None else np.isfinite(angle) & used
    inside = int(np.count_nonzero(keep & (angle >= GRID_MIN) & (angle <= GRID_MAX)))
    if inside < MINIMUM_POINTS:
        raise PatternError(
            "axis",
            f"{inside} usable points between {GRID_MIN:g} and {GRID_MAX:g}° (20 keV)",
            f"give at least {MINIMUM_POINTS} points in d = 7.106…1.785 Å",
        )
    # Points an ulp apart may swap when converted; that is no zigzag.
    check_monotonic("two_theta", angle, tolerance=1e-9)
    index = np.flatnonzero(keep)
    return index[::-1] if angle[index[0]] > angle[index[-1]] else index


def _near_grid(index: Index, x: Array, first: Index) -> tuple[Index, Array, Index]:
    """Without what lies more than one point beyond the grid: the rest of a wide scan is free."""
    low = max(int(np.searchsorted(x, _EDGES[0], side="right")) - 1, 0)
    high = min(int(np.searchsorted(x, _EDGES[-1], side="left")) + 1, x.size)
    if high - low < 2:
        raise PatternError("axis", "all points at one position", "give a radial axis")
    bounds = np.append(first, index.size)
    return index[bounds[low] : bounds[high]], x[low:high], first[low:high] - first[low]


def _as_slice(index: Index) -> slice | Index:
    """The slice that selects the same, where there is one: a view instead of a copy."""
    step = 1 if index[-1] > index[0] else -1
    if index.size != 1 + step * (index[-1] - index[0]):
        return index
    stop = int(index[-1]) + step
    return slice(int(index[0]), None if stop < 0 else stop, step)


def _bridged(width: Array) -> NDArray[np.bool_]:
    """Which segments between neighbouring points are signal and which are holes."""
    bridged = width <= BRIDGED
    for wide in np.flatnonzero(~bridged):
        around = width[max(wide - _NEIGHBOURS, 0) : wide + _NEIGHBOURS + 1]
        bridged[wide] = width[wide] <= BRIDGED_STEPS * np.median(around)
    return bridged
