"""Errors as distances in the subgroup graph: Figures 2c–e and 3b, supplementary Figure 6."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ._style import COLOURS, panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = 7


def graph_figure(sets: Mapping[str, Mapping[str, Sequence[float]]]) -> Figure:
    """One panel a set, one colour a network: shares 0…1 at 0, 1, 2 … edges, filled; sums, open."""
    figure, axes = panels(len(sets))
    for ax, (title, networks) in zip(axes, sets.items(), strict=True):
        width = 0.8 / len(networks)
        for i, (label, shares) in enumerate(networks.items()):
            percent = 100 * np.asarray(shares)[:SHOWN]
            place = np.arange(len(percent)) + (i + 0.5) * width - 0.4
            total = np.cumsum(percent)
            colour = COLOURS[i % len(COLOURS)]
            ax.bar(place, percent, width, color=colour, label=label)
            ax.bar(place, total, width, fill=False, edgecolor=colour, linewidth=0.8)
            for x, y in zip(place[:3], total[:3], strict=False):
                size = 7 if len(networks) < 3 else 5.5
                ax.text(x, y + 1, f"{y:.1f}", ha="center", va="bottom", fontsize=size)
        ax.set(
            title=title,
            xlabel="edges from the true space group",
            ylabel="patterns / %",
            ylim=(0, 122),
            xticks=range(SHOWN),
        )
        if len(networks) > 1:
            ax.legend(fontsize=7, loc="upper center", ncols=min(3, len(networks)))
    return figure
