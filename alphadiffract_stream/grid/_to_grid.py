"""From a measured pattern to what the network sees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import PatternError
from ..pattern import Pattern
from ._background import baseline, check_background
from ._cache import resampler_for
from ._negative import cut_negative
from ._resampler import Resampler

Array = NDArray[np.floating]

_HUGE = 1e30
_CONTRAST = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class GridPattern:
    """A pattern on the canonical grid (`GRID_TWO_THETA`)."""

    intensity: NDArray[np.float32]
    """(8192,) finite, in the pattern's own scale. Where `mask` is True: the lowest covered value,
    which the network's min–max scaling turns into 0."""
    mask: NDArray[np.bool_]
    """(8192,) True where the pattern does not cover the grid. Read only."""
    coverage: float
    """Share of grid points covered, 0…1."""
    flags: tuple[str, ...] = ()
    """What was done or is odd: ``axis_points_dropped``, ``points_left_out`` (masked or not
    finite), ``duplicates_averaged``, ``gaps`` (holes too wide to bridge), ``coarse_step``,
    ``negative_clipped``, ``rescaled`` (to fit float32), ``background:METHOD``."""


def to_grid(pattern: Pattern, *, background: str | None = None) -> GridPattern:
    """Put `pattern` on the canonical grid: 2θ = 5…20° at 20 keV, 8192 points.

    Positions are converted exactly by Bragg's law and intensities resampled with area and height
    kept (see `Resampler`). Masked and non-finite points are left out: holes of at most 0.05°
    (20 keV) or four steps are bridged by straight lines, wider ones are not covered. Zeros are
    values, also in long runs. Negative counts are kept unless far below the baseline's noise
    (see `cut_negative`). `background` names one of `BACKGROUND_METHODS`.

    Raises PatternError, with the remedy, for patterns that cannot be analysed: 2θ without
    wavelength, an axis impossible in its unit, turning round or off the grid, fewer than 16 usable
    points, empty, constant, all NaN or all masked intensity. Raises ConfigurationError for an
    unknown background method.
    """
    check_background(background)
    resampler, axis_flags = resampler_for(pattern, _used(pattern))
    values, flags = _float_safe(pattern.intensity[resampler.select])
    values, clipped = cut_negative(values)
    grid = resampler.means(values)
    if background is not None:
        covered = ~resampler.mask
        grid -= baseline(grid, resampler.mask, background)
        grid[covered], again = cut_negative(grid[covered])
        grid[resampler.mask] = grid[covered].min()
        clipped = clipped or again
        flags += (f"background:{background}",)
    if clipped:
        flags += ("negative_clipped",)
    _check_contrast(grid)
    return GridPattern(
        grid.astype(np.float32), resampler.mask, resampler.coverage, axis_flags + flags
    )


def resample(
    two_theta: ArrayLike, intensity: ArrayLike, used: NDArray[np.bool_] | None = None
) -> NDArray[np.float64]:
    """`intensity` (..., n) at `two_theta` (n,), degrees at 20 keV, on the grid: (..., 8192).

    The resampling of `to_grid` alone, in one call; make a `Resampler` for an axis used again.
    used: (n,) True where a point counts. Raises PatternError as `Resampler` does.
    """
    return Resampler(two_theta, used)(intensity)


def _used(pattern: Pattern) -> NDArray[np.bool_] | None:
    """(n,) True where a point counts; None where all do, the usual and faster case."""
    if pattern.intensity.size == 0:
        raise PatternError("intensity", "empty", "send a pattern with points")
    used = np.isfinite(pattern.intensity)
    if not used.any():
        raise PatternError("intensity", "all NaN or infinite", "check detector and integration")
    if pattern.mask is not None:
        used &= ~pattern.mask
        if not used.any():
            raise PatternError("mask", "every usable point is masked", "True means left out")
    return None if used.all() else used


def _float_safe(values: Array) -> tuple[Array, tuple[str, ...]]:
    """Values brought to 1 where their size would not fit float32 and the sums before it."""
    size = max(abs(float(values.max())), abs(float(values.min())))
    if size == 0.0 or 1 / _HUGE < size < _HUGE:
        return values, ()
    return values / np.float64(size), ("rescaled",)


def _check_contrast(grid: Array) -> None:
    low, high = float(grid.min()), float(grid.max())
    # Single precision, the network's, sees nothing finer.
    if high - low <= _CONTRAST * max(abs(low), abs(high)):
        raise PatternError(
            "intensity",
            f"constant ({high:.6g}) where the network looks",
            "check shutter, beam and detector: there is nothing to analyse",
        )
