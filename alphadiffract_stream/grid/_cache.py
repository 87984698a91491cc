"""Resamplers kept for the axes last seen: during a scan the axis hardly ever changes."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from ..errors import PatternError
from ..pattern import Pattern
from ._axis import canonical_two_theta, reach
from ._canonical import GRID_MAX, GRID_MIN
from ._resampler import BRIDGED, Resampler

Used = NDArray[np.bool_] | None

_KEPT = 16
_entries: list[_Entry] = []
_lock = Lock()


def resampler_for(pattern: Pattern, used: Used) -> tuple[Resampler, tuple[str, ...]]:
    """Resampler of the pattern's axis, and what is to be said about that axis (flags).

    used: (n,) True where a point counts; None for all. Raises PatternError for unusable axes.
    """
    with _lock:
        for place, entry in enumerate(_entries):
            if entry.fits(pattern, used):
                _entries.insert(0, _entries.pop(place))
                return entry.resampler, entry.flags
    entry = _build(pattern, used)
    with _lock:
        _entries.insert(0, entry)
        del _entries[_KEPT:]
    return entry.resampler, entry.flags


@dataclass(frozen=True, slots=True, eq=False)
class _Entry:
    key: tuple[object, ...]
    axis: NDArray[np.floating]
    used: Used
    resampler: Resampler
    flags: tuple[str, ...]

    def fits(self, pattern: Pattern, used: Used) -> bool:
        if self.key != _key(pattern) or (self.used is None) is not (used is None):
            return False
        same_axis = np.array_equal(_bits(self.axis), _bits(pattern.axis))
        return same_axis and (used is None or np.array_equal(self.used, used))  # type: ignore[arg-type]


def _key(pattern: Pattern) -> tuple[object, ...]:
    axis = pattern.axis
    return pattern.unit, pattern.wavelength, axis.dtype, axis.size


def _bits(axis: NDArray[np.floating]) -> NDArray[np.integer]:
    # As integers, so that NaN equals NaN and comparing is one pass over memory.
    return axis.view(np.int64 if axis.dtype == np.float64 else np.int32)


def _build(pattern: Pattern, used: Used) -> _Entry:
    axis = pattern.axis.astype(np.float64)
    two_theta = canonical_two_theta(axis, pattern.unit, pattern.wavelength)
    inside = (two_theta >= GRID_MIN) & (two_theta <= GRID_MAX)
    if not inside.any():
        raise PatternError(
            "axis",
            f"does not reach the network's range, {reach(axis, pattern.unit, pattern.wavelength)}",
            f"the network looks at d = 7.106…1.785 Å; check {_suspects(pattern)}",
        )
    resampler = Resampler(two_theta, used)
    flags = {
        "axis_points_dropped": not np.isfinite(axis).all(),
        "points_left_out": used is not None and not used[inside].all(),
        "duplicates_averaged": resampler.repeated,
        "gaps": resampler.gaps,
        "coarse_step": resampler.step > BRIDGED,
    }
    said = tuple(name for name, true in flags.items() if true)
    kept = None if used is None else used.copy()
    return _Entry(_key(pattern), pattern.axis.copy(), kept, resampler, said)


def _suspects(pattern: Pattern) -> str:
    if pattern.wavelength is None or not pattern.unit.needs_wavelength:
        return f"the range and the unit ({pattern.unit})"
    return f"the range, the unit ({pattern.unit}) and the wavelength ({pattern.wavelength:.6g} Å)"
