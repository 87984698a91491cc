"""Colours, shapes and words. Nothing is told by colour alone.

The colours are Okabe and Ito's (https://jfly.uni-koeln.de/color/), which people with any of the
common colour visions tell apart; on dark ground, so light grey takes the place of their black.
"""

from __future__ import annotations

from typing import NamedTuple

GROUND, PANEL, INK, FAINT = "#14181c", "#1e242a", "#f4f4f4", "#9aa5b1"
ORANGE, SKY, GREEN, YELLOW = "#E69F00", "#56B4E9", "#009E73", "#F0E442"
BLUE, VERMILION, PURPLE, GREY = "#0072B2", "#D55E00", "#CC79A7", "#BBBBBB"


class SystemMark(NamedTuple):
    """How a crystal system is drawn."""

    colour: str
    hatch: str
    """Bokeh hatch pattern of its bands."""
    short: str


SYSTEMS = {
    "triclinic": SystemMark(GREY, "dot", "tric"),
    "monoclinic": SystemMark(YELLOW, "diagonal_cross", "mono"),
    "orthorhombic": SystemMark(ORANGE, "right_diagonal_line", "orth"),
    "tetragonal": SystemMark(SKY, "left_diagonal_line", "tetr"),
    "trigonal": SystemMark(GREEN, "horizontal_line", "trig"),
    "hexagonal": SystemMark(PURPLE, "vertical_line", "hexa"),
    "cubic": SystemMark(VERMILION, "cross", "cubic"),
}


class StatusMark(NamedTuple):
    """How a status is told: a shape, words and a colour."""

    shape: str
    words: str
    colour: str


STATUSES = {
    "ok": StatusMark("●", "ok", GREEN),
    "low_confidence": StatusMark("◐", "low confidence", YELLOW),
    "out_of_domain": StatusMark("▲", "unlike the training data", ORANGE),
    "refused": StatusMark("✖", "refused", VERMILION),
    "failed": StatusMark("■", "failed", VERMILION),
    "waiting": StatusMark("○", "waiting for the answer", FAINT),
}
UNKNOWN = StatusMark("?", "unknown", FAINT)

EDGES = (("a", "circle", SKY), ("b", "square", ORANGE), ("c", "triangle", PURPLE))
"""Cell edge, marker, colour."""
