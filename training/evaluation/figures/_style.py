"""What all figures share: no global state, colours told apart by all, small files."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#999999")
"""Okabe & Ito."""
DPI = 96


def panels(
    count: int, columns: int = 3, width: float = 3.6, height: float = 3.0
) -> tuple[Figure, list[Axes]]:
    """A figure with `count` axes in reading order; raises ImportError naming the extra."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError(
            "figures need matplotlib: pip install 'alphadiffract-stream[train]'"
        ) from None
    columns = min(columns, count)
    rows = -(-count // columns)
    figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
    axes = list(np.ravel(figure.subplots(rows, columns, squeeze=False)))
    for unused in axes[count:]:
        unused.set_axis_off()
    return figure, axes[:count]


def save(figure: Figure, path: Path) -> Path:
    """Write a PNG of 64 colours, small enough for a repository; the same figure, the same file."""
    from PIL import Image  # matplotlib brings it

    path.parent.mkdir(parents=True, exist_ok=True)
    drawn = BytesIO()
    figure.savefig(drawn, dpi=DPI, format="png", metadata={"Software": None})
    drawn.seek(0)
    with Image.open(drawn) as image:
        few = image.convert("RGB").quantize(64, dither=Image.Dither.NONE)
        few.save(path, format="PNG", optimize=True)
    return path
