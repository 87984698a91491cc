"""Compiled: from a clean pattern on the canonical grid to what an instrument would deliver.

Noise is added at the instrument's own steps and then brought to the canonical grid as the service
does it (`alphadiffract_stream.grid`), so that it is correlated as in measured patterns.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from .._axis import POINTS, START, STEP, STOP


@njit(cache=True, nogil=True)
def own_axis(wavelength, canonical, step):
    """The instrument's 2θ steps, seen at 20 keV, a little over both ends of the grid."""
    ratio = wavelength / canonical
    first = 2 * np.degrees(np.arcsin(np.sin(np.radians(START / 2)) * ratio))
    last = 2 * np.degrees(np.arcsin(min(0.999, np.sin(np.radians(STOP / 2)) * ratio)))
    offset = np.random.uniform(0, step)
    n = int((last - first) / step) + 3
    axis = np.empty(n)
    for j in range(n):
        own = first - step - offset + j * step
        axis[j] = 2 * np.degrees(np.arcsin(min(1.0, np.sin(np.radians(own / 2)) / ratio)))
    return axis


@njit(cache=True, nogil=True)
def sample(pattern, axis):
    """Linear interpolation of a canonical pattern at `axis`."""
    values = np.empty(axis.size)
    for j in range(axis.size):
        position = min(max((axis[j] - START) / STEP, 0.0), POINTS - 1.000001)
        i = int(position)
        values[j] = pattern[i] + (position - i) * (pattern[i + 1] - pattern[i])
    return values


@njit(cache=True, nogil=True)
def to_grid(axis, values):
    """Mean of the piecewise-linear signal over each canonical cell; 0 where there is none."""
    n = axis.size
    integral = np.zeros(n)
    for j in range(1, n):
        integral[j] = integral[j - 1] + 0.5 * (values[j] + values[j - 1]) * (axis[j] - axis[j - 1])
    result = np.zeros(POINTS)
    j = 0
    before = 0.0
    for i in range(POINTS + 1):
        edge = START + (i - 0.5) * STEP
        while j < n - 2 and axis[j + 1] < edge:
            j += 1
        x = min(max(edge, axis[0]), axis[n - 1]) - axis[j]
        slope = (values[j + 1] - values[j]) / (axis[j + 1] - axis[j])
        area = integral[j] + values[j] * x + 0.5 * slope * x * x
        if i > 0:
            result[i - 1] = (area - before) / STEP
        before = area
    return result


@njit(cache=True, nogil=True)
def add_background(pattern, level, steepness, hump, hump_centre, hump_width):
    """A floor that falls with angle and one amorphous hump; shares of the strongest peak."""
    peak = pattern.max()
    for i in range(POINTS):
        x = i * STEP / (STOP - START)
        z = (x - hump_centre) / hump_width
        pattern[i] += peak * (level * np.exp(-steepness * x) + hump * np.exp(-0.5 * z * z))
