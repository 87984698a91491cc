"""Figures of an evaluation, one file each; matplotlib is imported only when one is drawn."""

from __future__ import annotations

from ._classes import confusion_figure, ensemble_figure, per_system_figure
from ._graph import graph_figure
from ._parity import Parity, parity_figure
from ._style import COLOURS, panels, save
from ._trust import trust_figure

__all__ = [
    "COLOURS",
    "Parity",
    "confusion_figure",
    "ensemble_figure",
    "graph_figure",
    "panels",
    "parity_figure",
    "per_system_figure",
    "save",
    "trust_figure",
]
