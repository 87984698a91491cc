"""Many cells at once: strained within their symmetry, as long as the Niggli cell stays reduced."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
TRIES = 4


def strained_metrics(
    cell: Array,
    system: NDArray[np.int64],
    to_niggli: Array,
    strain: float,
    angle: float,
    rng: np.random.Generator,
) -> tuple[Array, Array]:
    """Metric tensors of conventional and Niggli cells, (n, 3, 3) each.

    cell (n, 6) Å and degrees; system (n,) 0…6. Of some tries the first whose Niggli cell is still
    reduced is taken; the unstrained cell where none is.
    """
    tries = _strained(np.repeat(cell[None], TRIES, axis=0), system, strain, angle, rng)
    metrics = metric(np.concatenate([tries, cell[None]]))
    niggli = to_niggli @ metrics @ to_niggli.swapaxes(-1, -2)
    accepted = is_reduced(niggli)
    accepted[-1] = True
    first = accepted.argmax(axis=0)
    rows = np.arange(len(cell))
    return metrics[first, rows], niggli[first, rows]


def _strained(
    cells: Array,
    system: NDArray[np.int64],
    strain: float,
    angle: float,
    rng: np.random.Generator,
) -> Array:
    """(t, n, 6): a common factor, one of each free length, and the free angles."""
    shape = cells.shape[:2]
    common = rng.uniform(-strain, strain, (*shape, 1))
    free = rng.uniform(-0.5 * strain, 0.5 * strain, (*shape, 3))
    free[..., 1] = np.where(system >= 3, free[..., 0], free[..., 1])
    free[..., 2] = np.where(system == 6, free[..., 0], free[..., 2])
    turn = rng.uniform(-angle, angle, (*shape, 3))
    turn[..., [0, 2]] *= (system == 0)[:, None]
    turn[..., 1] *= system <= 1
    return np.concatenate([cells[..., :3] * (1 + common + free), cells[..., 3:] + turn], axis=-1)


def metric(cell: Array) -> Array:
    """Metric tensors (…, 3, 3) of cells (…, 6)."""
    lengths, cosine = cell[..., :3], np.cos(np.radians(cell[..., 3:]))
    cosine = np.where(np.abs(cosine) < 1e-15, 0.0, cosine)
    g = np.empty((*cell.shape[:-1], 3, 3))
    for i in range(3):
        for j in range(3):
            turned = 1.0 if i == j else cosine[..., 3 - i - j]
            g[..., i, j] = lengths[..., i] * lengths[..., j] * turned
    return g


def parameters(g: Array) -> Array:
    """a b c α β γ (…, 6) of metric tensors."""
    lengths = np.sqrt(np.diagonal(g, axis1=-2, axis2=-1))
    a, b, c = lengths[..., 0], lengths[..., 1], lengths[..., 2]
    cosines = np.stack(
        [g[..., 1, 2] / (b * c), g[..., 0, 2] / (a * c), g[..., 0, 1] / (a * b)], axis=-1
    )
    return np.concatenate([lengths, np.degrees(np.arccos(cosines))], axis=-1)


def is_reduced(g: Array) -> NDArray[np.bool_]:
    """Whether metric tensors (…, 3, 3) meet the main Niggli conditions, within 1e-3."""
    a, b, c = g[..., 0, 0], g[..., 1, 1], g[..., 2, 2]
    slack = 1e-3 * c
    d, e, f = (2 * np.abs(g[..., i, j]) for i, j in ((1, 2), (0, 2), (0, 1)))
    ordered = (a <= b + slack) & (b <= c + slack)
    return ordered & (d <= b + slack) & (e <= a + slack) & (f <= a + slack)
