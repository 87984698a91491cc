"""Compiled: a strained cell and what it does to reflections and labels."""

from __future__ import annotations

import numpy as np
from numba import njit

from .._batch import SYSTEM_LIMITS


@njit(cache=True, nogil=True)
def system_of(number):
    """0…6 for space group 1…230."""
    return np.searchsorted(SYSTEM_LIMITS, number)


@njit(cache=True, nogil=True)
def strained(cell, system, strain, angle):
    """Cell (6,) changed within its symmetry: a common factor and one of each free length."""
    common = np.random.uniform(-strain, strain)
    free = np.random.uniform(-0.5 * strain, 0.5 * strain, 3)
    result = cell.astype(np.float64)
    if system >= 3:
        free[1] = free[0]
    if system == 6:
        free[2] = free[0]
    for i in range(3):
        result[i] *= 1 + common + free[i]
    if system == 0:
        for i in range(3, 6):
            result[i] += np.random.uniform(-angle, angle)
    elif system == 1:
        result[4] += np.random.uniform(-angle, angle)
    return result


@njit(cache=True, nogil=True)
def metric(cell):
    """Metric tensor (3, 3) of a b c α β γ."""
    g = np.empty((3, 3))
    for i in range(3):
        for j in range(3):
            cosine = 1.0 if i == j else np.cos(np.radians(cell[6 - i - j]))
            g[i, j] = cell[i] * cell[j] * cosine
    return g


@njit(cache=True, nogil=True)
def parameters(g):
    """a b c α β γ of a metric tensor."""
    cell = np.empty(6)
    for i in range(3):
        cell[i] = np.sqrt(g[i, i])
    cell[3] = np.degrees(np.arccos(g[1, 2] / (cell[1] * cell[2])))
    cell[4] = np.degrees(np.arccos(g[0, 2] / (cell[0] * cell[2])))
    cell[5] = np.degrees(np.arccos(g[0, 1] / (cell[0] * cell[1])))
    return cell


@njit(cache=True, nogil=True)
def is_reduced(g):
    """Whether a metric tensor still meets the main Niggli conditions, within 1e-3."""
    slack = 1e-3 * g[2, 2]
    a, b, c = g[0, 0], g[1, 1], g[2, 2]
    ordered = a <= b + slack and b <= c + slack
    d, e, f = 2 * abs(g[1, 2]), 2 * abs(g[0, 2]), 2 * abs(g[0, 1])
    return ordered and d <= b + slack and e <= a + slack and f <= a + slack


@njit(cache=True, nogil=True)
def march_dollase(hkl, g_star, axis, r, rotations, count):
    """Mean of (r² cos²α + sin²α / r)^(−3/2) over the equivalents of hkl (3,)."""
    axis_image = g_star @ axis
    length = np.sqrt(axis @ axis_image)
    own = np.sqrt(hkl @ (g_star @ hkl))
    total = 0.0
    for m in range(count):
        dot = 0.0
        for j in range(3):
            image = 0.0
            for i in range(3):
                image += hkl[i] * rotations[m, i, j]
            dot += image * axis_image[j]
        cosine2 = min(1.0, (dot / (length * own)) ** 2)
        total += (r * r * cosine2 + (1 - cosine2) / r) ** -1.5
    return total / count
