"""Pattern, attention and the predicted reflections in one picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from alphadiffract_stream.crystal import CRYSTAL_SYSTEMS, space_group_symbol
from alphadiffract_stream.grid import GRID_TWO_THETA

from ._grad_cam import Attention

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def explanation_figure(
    pattern: NDArray[np.float32],
    attentions: Sequence[Attention],
    ticks: NDArray[np.float64],
    title: str = "",
) -> Figure:
    """One panel an attention: the pattern coloured by heat, ticks of the predicted reflections."""
    try:
        from matplotlib.collections import LineCollection
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError(
            "figures need matplotlib: pip install 'alphadiffract-stream[train]'"
        ) from None
    figure = Figure(figsize=(9, 2.8 * len(attentions)), layout="constrained")
    axes = np.ravel(figure.subplots(len(attentions), 1, sharex=True, squeeze=False))
    height = (pattern - pattern.min()) / max(float(np.ptp(pattern)), 1e-12)
    points = np.stack([GRID_TWO_THETA, height], axis=1)
    segments = np.stack([points[:-1], points[1:]], axis=1)
    for ax, attention in zip(axes, attentions, strict=True):
        ax.fill_between(GRID_TWO_THETA, 0, attention.heat, color="#d55e00", alpha=0.15, linewidth=0)
        lines = LineCollection(list(segments), cmap="plasma", linewidths=1.0)
        lines.set_array(attention.heat[:-1])
        lines.set_clim(0, 1)
        ax.add_collection(lines)
        ax.vlines(ticks, -0.09, -0.03, color="#0072b2", linewidth=0.6)
        ax.set(xlim=(5, 20), ylim=(-0.12, 1.08), ylabel="intensity, attention")
        ax.set_title(f"{title} {_told(attention)}".strip(), fontsize=9)
        figure.colorbar(lines, ax=ax, label="attention", pad=0.01)
    axes[-1].set_xlabel("2θ at 20 keV / °")
    return figure


def _told(attention: Attention) -> str:
    if attention.head == "crystal_system":
        name = CRYSTAL_SYSTEMS[attention.index]
    else:
        name = f"{space_group_symbol(attention.index + 1)} ({attention.index + 1})"
    return f"{name}, {attention.probability:.0%}"
