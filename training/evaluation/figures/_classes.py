"""Accuracy by crystal system (S5), confusion, and accuracy over the ensemble's size (3a)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from alphadiffract_stream.prediction import CRYSTAL_SYSTEMS

from .._ensemble import SizePoint
from .._metrics import Metrics
from ._style import COLOURS, panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def per_system_figure(sets: Mapping[str, Metrics]) -> Figure:
    """Crystal system (left) and space group (right) accuracy of each set, with 95 % intervals."""
    figure, axes = panels(2, width=4.6)
    width = 0.8 / len(sets)
    for ax, head, title in (
        (axes[0], "system", "crystal system"),
        (axes[1], "group", "space group"),
    ):
        for i, (label, metrics) in enumerate(sets.items()):
            rows = [metrics.per_system.get(name, {}) for name in CRYSTAL_SYSTEMS]
            value = 100 * np.array([row.get(f"{head}_top1", np.nan) for row in rows])
            error = 100 * np.array([row.get(f"{head}_interval", np.nan) for row in rows])
            place = np.arange(7) + (i + 0.5) * width - 0.4
            ax.bar(
                place,
                value,
                width,
                yerr=error,
                error_kw={"linewidth": 0.7},
                color=COLOURS[i % len(COLOURS)],
                label=label,
            )
        ax.set(title=title, ylabel="accuracy / %", ylim=(0, 105), xticks=range(7))
        ax.set_xticklabels(CRYSTAL_SYSTEMS, rotation=30, ha="right")
        ax.set_xlabel("true crystal system")
    axes[1].legend(fontsize=7)
    return figure


def confusion_figure(sets: Mapping[str, Sequence[Sequence[int]]]) -> Figure:
    """One panel a set: rows the true system, columns the predicted one; % of a row and counts."""
    figure, axes = panels(len(sets), width=3.4, height=3.3)
    short = [name[:5] for name in CRYSTAL_SYSTEMS]
    for ax, (title, counts) in zip(axes, sets.items(), strict=True):
        table = np.asarray(counts)
        share = 100 * table / table.sum(axis=1, keepdims=True).clip(1)
        ax.imshow(share, cmap="Blues", vmin=0, vmax=100)
        for i, j in np.argwhere(table > 0):
            colour = "white" if share[i, j] > 55 else "black"
            ax.text(j, i, f"{table[i, j]}", ha="center", va="center", fontsize=7, color=colour)
        ax.set(title=title, xlabel="predicted", ylabel="true", xticks=range(7), yticks=range(7))
        ax.set_xticklabels(short, rotation=45, ha="right")
        ax.set_yticklabels(short)
    return figure


def ensemble_figure(sets: Mapping[str, Sequence[SizePoint]]) -> Figure:
    """Accuracy over the number of members, one panel a set."""
    figure, axes = panels(len(sets))
    for ax, (title, curve) in zip(axes, sets.items(), strict=True):
        size = [p.size for p in curve]
        for colour, head, label in (
            (COLOURS[0], "system", "crystal system"),
            (COLOURS[1], "group", "space group"),
        ):
            value = [100 * getattr(p, head) for p in curve]
            error = [100 * getattr(p, f"{head}_interval") for p in curve]
            ax.errorbar(size, value, yerr=error, color=colour, marker="o", capsize=3, label=label)
        ax.set(title=title, xlabel="networks in the ensemble", ylabel="accuracy / %", xticks=size)
    axes[0].legend(fontsize=7)
    return figure
