"""A page to watch a scan on: patterns, predictions and what became of every frame.

A process of its own that reads the same documents as everybody else; it cannot slow the service.
The page needs ``pip install 'alphadiffract-stream[dashboard]'``, the rest does not.
"""

from __future__ import annotations

from ._axis import DisplayAxis
from ._bands import Band, bands
from ._board import Board
from ._fit import Fit, fit_cell
from ._frame import Frame
from ._lines import Lines, allowed_lines
from ._peaks import Peaks, find_peaks
from ._plot import MOST as MOST_PLOTTED
from ._plot import check_plot, plot_predictions
from ._run import Run

__all__ = [
    "MOST_PLOTTED",
    "Band",
    "Board",
    "DisplayAxis",
    "Fit",
    "Frame",
    "Lines",
    "Peaks",
    "Run",
    "allowed_lines",
    "bands",
    "check_plot",
    "find_peaks",
    "fit_cell",
    "plot_predictions",
]
