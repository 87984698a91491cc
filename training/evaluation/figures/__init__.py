"""Figures of an evaluation, one file each; matplotlib is imported only when one is drawn."""

from __future__ import annotations

from ._classes import confusion_figure, ensemble_figure, per_system_figure
from ._graph import graph_figure
from ._parity import Parity, parity_figure
from ._style import save
from ._trust import trust_figure

__all__ = [
    "Parity",
    "confusion_figure",
    "ensemble_figure",
    "graph_figure",
    "parity_figure",
    "per_system_figure",
    "save",
    "trust_figure",
]
