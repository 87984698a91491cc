"""Calibration and risk–coverage curves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .._trust import Reliability, RiskCoverage
from ._style import COLOURS, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HEADS = ("crystal system", "space group")


def trust_figure(
    calibration: Mapping[str, tuple[Reliability, Reliability]],
    risk: Mapping[str, tuple[RiskCoverage, RiskCoverage]],
) -> Figure:
    """Above, accuracy against confidence; below, accuracy of the most confident share."""
    figure, axes = panels(4, columns=2, width=3.9, height=3.3)
    for i, title in enumerate(HEADS):
        _calibration(axes[i], {label: pair[i] for label, pair in calibration.items()})
        axes[i].set_title(title)
        _risk(axes[2 + i], {label: pair[i] for label, pair in risk.items()})
    return figure


def _calibration(ax: Axes, curves: Mapping[str, Reliability]) -> None:
    ax.plot([0, 1], [0, 1], "k--", linewidth=0.8)
    for i, (label, curve) in enumerate(curves.items()):
        (line,) = ax.plot(curve.confidence, curve.accuracy, marker="o", markersize=3, linewidth=1)
        line.set(color=COLOURS[i % len(COLOURS)], label=f"{label}: ECE {curve.ece:.3f}")
    ax.set(xlabel="confidence", ylabel="accuracy", xlim=(0, 1), ylim=(0, 1))
    ax.legend(fontsize=6)


def _risk(ax: Axes, curves: Mapping[str, RiskCoverage]) -> None:
    for i, (label, curve) in enumerate(curves.items()):
        (line,) = ax.plot(100 * curve.coverage, 100 * curve.accuracy, linewidth=1.2)
        line.set(color=COLOURS[i % len(COLOURS)], label=label)
    ax.set(xlabel="most confident patterns / %", ylabel="accuracy / %")
    ax.set(xlim=(0, 100), ylim=(0, 102))
    ax.legend(fontsize=6)
