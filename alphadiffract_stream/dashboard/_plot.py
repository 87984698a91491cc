"""Patterns and their predictions as one figure. matplotlib is an extra and is loaded only here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap
from typing import Any

import numpy as np

from ..crystal import CRYSTAL_SYSTEMS
from ..errors import ConfigurationError, PatternError
from ..pattern import Pattern
from ..prediction import Prediction
from ._axis import DisplayAxis, spacings
from ._fit import fit_cell
from ._lines import allowed_lines
from ._marks import BLUE, ORANGE, SYSTEMS, VERMILION
from ._peaks import find_peaks

MOST = 24
"""Patterns in one figure."""
ENDINGS = (".png", ".svg", ".pdf")


def check_plot(path: Path) -> None:
    """Raise ConfigurationError, before anything is computed, where `plot` would."""
    if path.suffix.lower() not in ENDINGS:
        raise ConfigurationError(f"--plot {path}: give a name that ends in {', '.join(ENDINGS)}")
    try:
        import matplotlib  # noqa: F401
    except ModuleNotFoundError:
        raise ConfigurationError(
            "--plot needs matplotlib; run `pip install 'alphadiffract-stream[bench]'`"
        ) from None


def plot_predictions(rows: Sequence[tuple[Pattern | None, Prediction]], path: Path) -> int:
    """Write a figure with one row for each of `rows`, at most `MOST`; returns how many were left.

    A row: the pattern with the lines of the network's cell and of the cell drawn onto the peaks,
    and beside it the probabilities. Raises ConfigurationError as `check_plot`, or for no rows.
    """
    check_plot(path)
    if not rows:
        raise ConfigurationError(f"--plot {path}: there is no pattern to draw")
    from matplotlib.figure import Figure

    drawn = rows[:MOST]
    figure = Figure(figsize=(14, 3.6 * len(drawn)), layout="constrained")
    axes = figure.subplots(len(drawn), 3, squeeze=False, width_ratios=(3.2, 1, 1))
    for (pattern, prediction), (left, middle, right) in zip(drawn, axes, strict=True):
        _draw_pattern(left, pattern, prediction)
        if prediction.status.predicted:
            _draw_systems(middle, prediction)
            _draw_groups(right, prediction)
        else:
            middle.set_axis_off()
            right.set_axis_off()
    figure.savefig(path, dpi=110)
    return len(rows) - len(drawn)


def _draw_pattern(axes: Any, pattern: Pattern | None, prediction: Prediction) -> None:
    origin = prediction.origin
    name = Path(origin.name).name or str(origin)
    if origin.seq_num not in (None, 1):
        name += f" #{origin.seq_num}"
    axes.set_title(f"{name}: {prediction.status}", loc="left", fontsize=11)
    try:
        if pattern is None:
            raise PatternError("pattern", "not read", prediction.reason)
        d, axis = spacings(pattern), DisplayAxis.of(pattern)
    except PatternError as error:
        words = "\n".join(wrap(prediction.reason or str(error), 80))
        axes.text(0.0, 0.5, words, va="center", transform=axes.transAxes)
        axes.set_axis_off()
        return
    axes.plot(axis.of_d(d), pattern.intensity, color="black", linewidth=0.8)
    axes.set(xlabel=axis.label, ylabel="intensity")
    axes.margins(x=0)
    if not prediction.status.predicted:
        axes.set_xlabel("\n".join([axis.label, *wrap(prediction.reason, 90)]))
        return
    low, high = float(np.nanmin(d)), float(np.nanmax(d))
    best = prediction.space_groups[0]
    own = allowed_lines(prediction.conventional, best.number, low, high)
    _ticks(axes, axis.of_d(own.d), 0.02, BLUE, "dotted", f"network: {best.symbol} ({best.number})")
    groups = [group.number for group in prediction.space_groups]
    fit = fit_cell(
        find_peaks(d, pattern.intensity),
        np.asarray(prediction.lattice),
        np.asarray(prediction.lattice_std),
        groups,
    )
    if fit is not None:
        a, b, c, *angles = fit.cell
        cell = f"{a:.3f} {b:.3f} {c:.3f} Å " + " ".join(f"{x:.4g}°" for x in angles)
        words = (
            f"on the peaks: {fit.setting}, {cell}\n{fit.explained} of {fit.peaks} peaks, "
            f"{fit.chance:.1f} by chance"
        )
        _ticks(axes, axis.of_d(fit.lines.d), 0.09, VERMILION, "solid", words)
    bottom, top = axes.get_ylim()
    axes.set_ylim(bottom - 0.17 * (top - bottom), top)
    axes.legend(fontsize=8, loc="upper right")


def _ticks(axes: Any, x: Any, bottom: float, colour: str, style: str, label: str) -> None:
    """Ticks at a height of the axes, not of the data."""
    x = x[np.isfinite(x)]
    axes.vlines(
        *(x, bottom, bottom + 0.05), transform=axes.get_xaxis_transform(), color=colour,
        linestyle=style, linewidth=1.4, label=label,
    )  # fmt: skip


def _draw_systems(axes: Any, prediction: Prediction) -> None:
    chances = prediction.crystal_system_probabilities
    colours = [SYSTEMS[name].colour for name in CRYSTAL_SYSTEMS]
    drawn = axes.barh(CRYSTAL_SYSTEMS, chances, color=colours, edgecolor="black", linewidth=0.5)
    axes.bar_label(drawn, [f"{p:.0%}" for p in chances], fontsize=8, padding=2)
    axes.invert_yaxis()
    axes.set(xlim=(0, 1.15), title="crystal system")


def _draw_groups(axes: Any, prediction: Prediction) -> None:
    groups = prediction.space_groups
    names = [f"{group.symbol} ({group.number})" for group in groups]
    drawn = axes.barh(
        names, [g.probability for g in groups], xerr=[g.std for g in groups], color=ORANGE,
        edgecolor="black", linewidth=0.5,
    )  # fmt: skip
    axes.bar_label(drawn, [f"{g.probability:.0%}" for g in groups], fontsize=8, padding=2)
    axes.invert_yaxis()
    axes.set(xlim=(0, 1.15), title="space group, top 5")
