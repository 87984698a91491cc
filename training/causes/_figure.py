"""Changes of accuracy with their intervals, one row a cause."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from ..evaluation.figures import COLOURS, panels
from ._answers import MEASURES, Change

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Dot(NamedTuple):
    """What one condition changed for one set of patterns."""

    row: str
    colour: str
    """The set, in the legend."""
    changes: dict[str, Change]


def changes_figure(dots: Sequence[Dot]) -> Figure:
    """Crystal system (left) and space group (right), points with 95 % intervals."""
    rows = list(dict.fromkeys(dot.row for dot in dots))
    sets = list(dict.fromkeys(dot.colour for dot in dots))
    figure, axes = panels(2, width=4.4, height=1.2 + 0.19 * len(rows))
    for ax, measure in zip(axes, MEASURES, strict=False):
        ax.axvline(0, color="black", linewidth=0.7)
        for number, name in enumerate(sets):
            here = [dot for dot in dots if dot.colour == name]
            shift = 0.3 * (number - (len(sets) - 1) / 2)
            shares = [dot.changes[measure].share for dot in here]
            ax.errorbar(
                [100 * share.difference for share in shares],
                [rows.index(dot.row) + shift for dot in here],
                xerr=[100 * share.interval for share in shares],
                fmt="o",
                markersize=3,
                linewidth=1,
                color=COLOURS[number % len(COLOURS)],
                label=name,
            )
        ax.set(title=measure, xlabel="change / points", yticks=range(len(rows)))
        ax.set_ylim(len(rows) - 0.5, -0.5)
        ax.grid(axis="y", linewidth=0.3)
    axes[0].set_yticklabels(rows, fontsize=7)
    axes[1].set_yticklabels([])
    axes[1].legend(fontsize=7)
    return figure
