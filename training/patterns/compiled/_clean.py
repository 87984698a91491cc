"""A noise-free pattern of chosen broadening, as the compiled loops add it: for checks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...reflections import ReflectionStore, SymmetryTables
from .._augmentation import PAPER
from .._axis import POINTS
from ._crystal import metric
from ._draw import add_lines, peak_heights


def clean_pattern(
    store: ReflectionStore,
    symmetry: SymmetryTables,
    crystal: int,
    broadening: tuple[float, float, float, float, float],
) -> NDArray[np.float64]:
    """(8192,) of one crystal; broadening: size (µm), microstrain (10⁻⁶), U, V, W (centideg²)."""
    rows = slice(store.offsets[crystal], store.offsets[crystal + 1])
    group = int(store.space_group_number[crystal]) - 1
    sine, area = peak_heights(
        store.hkl[rows],
        store.strength[rows],
        np.linalg.inv(metric(store.cell[crystal].astype(np.float64))),
        symmetry.rotations[group].astype(np.float32),
        symmetry.counts[group],
        0.99,
        1.0,
        PAPER,
    )
    pattern = np.zeros(POINTS)
    add_lines(pattern, sine, area, tuple(map(float, broadening)), 1.0, 0.0, 0.0)
    return pattern
