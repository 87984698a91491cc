"""Peaks of a measured pattern: their d and weight."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

MOST_PEAKS = 40


@dataclass(frozen=True, slots=True, eq=False)
class Peaks:
    """Clear peaks, the strongest `MOST_PEAKS`, longest d first."""

    d: Array
    """(n,) Å."""
    weight: Array
    """(n,) summing to 1: square roots of heights, so that one strong line is not everything."""

    def __len__(self) -> int:
        return len(self.d)


def find_peaks(d: ArrayLike, intensity: ArrayLike) -> Peaks:
    """Peaks that stand out of the noise by nine σ and of the largest by one per cent.

    d: (n,) Å, monotonic; intensity: (n,). Positions are those of a parabola through three points.
    Points that are not finite, or of d outside 0.5…50 Å, are left out.
    """
    from scipy.signal import find_peaks as maxima

    spacing, y = np.asarray(d, float), np.asarray(intensity, float)
    used = np.isfinite(spacing) & np.isfinite(y) & (spacing > 0.5) & (spacing < 50)
    spacing, y = spacing[used], y[used]
    if y.size < 16:
        return Peaks(np.empty(0), np.empty(0))
    smooth = np.convolve(np.pad(y, 1, mode="edge"), (0.25, 0.5, 0.25), mode="valid")
    # Neighbouring differences see noise and hardly any peak; smoothing takes 3/8 of its variance.
    noise = 1.4826 * np.median(np.abs(np.diff(y))) / np.sqrt(2) * np.sqrt(3 / 8)
    height = float(smooth.max() - np.median(smooth))
    found, about = maxima(smooth, prominence=max(9 * noise, 0.01 * height, 1e-12))
    found = found[np.argsort(-about["prominences"], kind="stable")][:MOST_PEAKS]
    order = np.argsort(-spacing[found], kind="stable")
    found = found[order]
    heights = smooth[found] - np.median(smooth)
    before, here, after = smooth[found - 1], smooth[found], smooth[found + 1]
    bend = before - 2 * here + after
    shift = np.where(bend < 0, 0.5 * (before - after) / np.where(bend < 0, bend, -1.0), 0.0)
    place = np.interp(found + shift, np.arange(len(spacing)), spacing)
    weight = np.sqrt(np.maximum(heights, 1e-12))
    total = weight.sum()
    return Peaks(place, weight / total if total > 0 else weight)
