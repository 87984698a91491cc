"""Predicted against true lattice parameters: Figures 3c–e."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .._metrics import LATTICE
from ._style import panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAMES = ("a", "b", "c", "α", "β", "γ")


@dataclass(frozen=True, slots=True, eq=False)
class Parity:
    """Lattices of one set."""

    predicted: NDArray[np.floating]
    """(N, 6) Å, °."""
    true: NDArray[np.floating]
    """(N, 6), finite."""
    errors: Mapping[str, Mapping[str, float]]
    """R² and more of each parameter, as `Metrics.lattice`."""


def parity_figure(sets: Mapping[str, Parity]) -> Figure:
    """One row a set, one panel a parameter; density in colour, dashed where both agree."""
    figure, axes = panels(6 * len(sets), columns=6, width=1.9, height=1.9)
    for row, (title, one) in enumerate(sets.items()):
        for i, name in enumerate(NAMES):
            ax = axes[6 * row + i]
            true, predicted = one.true[:, i], one.predicted[:, i]
            low, high = (30.0, 150.0)
            if i < 3:
                both = np.concatenate([true, predicted])
                low, high = 0.0, 1.05 * float(np.quantile(both, 0.995))
            ax.hexbin(
                true,
                predicted,
                gridsize=24,
                bins="log",
                mincnt=1,
                extent=(low, high, low, high),
                cmap="viridis",
                linewidths=0.1,
            )
            ax.plot([low, high], [low, high], "k--", linewidth=0.8)
            unit = "Å" if i < 3 else "°"
            ax.set(xlim=(low, high), ylim=(low, high), xlabel=f"true {name} / {unit}")
            ax.set_ylabel(f"{title}\npredicted" if i == 0 else "predicted", fontsize=8)
            ax.set_title(f"R² {one.errors[LATTICE[i]]['r2']:.2f}", fontsize=8)
            ax.tick_params(labelsize=7)
    return figure
