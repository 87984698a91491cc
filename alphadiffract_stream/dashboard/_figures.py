"""The drawings: pattern with ticks, waterfall with phase bands, lattice against the motor."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from bokeh.models import ColumnDataSource, FixedTicker, Range1d, Whisker
from bokeh.palettes import Cividis256
from bokeh.plotting import figure

from ._bands import bands
from ._fit import Fit
from ._frame import Frame
from ._lines import allowed_lines
from ._marks import EDGES, FAINT, GROUND, INK, PANEL, SKY, SYSTEMS, YELLOW
from ._run import COLUMNS, Run

ROWS = 240
"""Of the waterfall as it is sent to the browser."""
POINTS = 2000
"""Of the pattern as it is sent to the browser."""
_TOOLS = "pan,box_zoom,wheel_zoom,reset,save"


def _figure(title: str, **options: Any) -> Any:
    drawn: Any = figure(
        title=title,
        sizing_mode="stretch_both",
        tools=_TOOLS,
        toolbar_location="above",
        background_fill_color=PANEL,
        border_fill_color=PANEL,
        outline_line_color=None,
        output_backend="canvas",
        **options,
    )
    drawn.title.text_color, drawn.title.text_font_size = INK, "20px"
    drawn.toolbar.logo = None
    drawn.grid.grid_line_color, drawn.grid.grid_line_alpha = FAINT, 0.25
    for axis in drawn.axis:
        axis.axis_label_text_color = axis.major_label_text_color = INK
        axis.axis_line_color = axis.major_tick_line_color = axis.minor_tick_line_color = FAINT
        axis.axis_label_text_font_size = axis.major_label_text_font_size = "18px"
        axis.axis_label_text_font_style = "normal"
    return drawn


class PatternFigure:
    """The pattern of one frame; below it the lines of two cells."""

    def __init__(self, x_range: Range1d) -> None:
        self._y = Range1d(start=-0.2, end=1.05)
        self.figure = _figure("Pattern", x_range=x_range, y_range=self._y)
        self.figure.yaxis.axis_label = "intensity (largest = 1)"
        self.figure.yaxis.ticker = FixedTicker(ticks=[0, 0.25, 0.5, 0.75, 1])
        self._pattern = ColumnDataSource({"x": [], "y": []})
        self.fitted = ColumnDataSource({"x": []})
        self._network = ColumnDataSource({"x": []})
        draw = self.figure
        draw.segment("x", 0, "x", 1.02, source=self.fitted, line_color=YELLOW, line_alpha=0.28)
        draw.line("x", "y", source=self._pattern, line_color=INK, line_width=2)
        draw.segment(
            *("x", -0.03, "x", -0.10), source=self.fitted, line_color=YELLOW, line_width=4,
            legend_label="lines of the cell drawn onto the peaks",
        )  # fmt: skip
        draw.segment(
            *("x", -0.12, "x", -0.19), source=self._network, line_color=SKY, line_width=2,
            line_dash="dotted", legend_label="lines of the network's own cell",
        )  # fmt: skip
        legend = draw.legend[0]
        legend.label_text_color, legend.label_text_font_size = INK, "17px"
        legend.background_fill_color, legend.background_fill_alpha = GROUND, 0.7
        legend.border_line_color = None

    def show(self, run: Run | None, frame: Frame | None, fit: Fit | None) -> None:
        """Draw `frame`, `fit` and the network's cell; empty what is not known."""
        if run is None or frame is None or run.axis is None:
            for source in (self.fitted, self._network):
                source.data = {"x": []}
            self._pattern.data = {"x": [], "y": []}
            return
        self.figure.xaxis.axis_label = run.axis.label
        x, y = _curve(run, frame)
        low, top = (float(np.min(y)), float(np.max(y))) if len(y) else (0.0, 1.0)
        self._pattern.data = {"x": x, "y": (y - min(0.0, low)) / (top - min(0.0, low) or 1.0)}
        self.fitted.data = {"x": _places(run, fit.lines.d if fit else ())}
        self._network.data = {"x": _places(run, network_lines(run, frame))}


def network_lines(run: Run, frame: Frame) -> Sequence[float]:
    """d in Å of the lines of the cell and space group as the network gave them."""
    if frame.trace is None or not frame.predicted or not len(frame.trace.d):
        return ()
    d = frame.trace.d
    return allowed_lines(
        frame.cell("conventional"), frame.phase[1], float(d[-1]), float(d[0])
    ).d.tolist()


def _curve(run: Run, frame: Frame) -> tuple[Any, Any]:
    """At most `POINTS` points: of neighbours the largest, so that peaks keep their height."""
    if frame.trace is None or run.axis is None:
        if frame.row is None:
            return np.empty(0), np.empty(0)
        return np.linspace(*run.extent, COLUMNS), frame.row.astype(float)
    x, y = run.axis.of_d(frame.trace.d), frame.trace.intensity
    each = math.ceil(len(y) / POINTS)
    if each > 1:
        short = len(y) // each * each
        best = y[:short].reshape(-1, each).argmax(axis=1) + np.arange(0, short, each)
        x, y = x[best], y[best]
    order = np.argsort(x, kind="stable")
    return x[order].astype(np.float32), y[order].astype(np.float64)


def _places(run: Run, d: Sequence[float] | Any) -> Any:
    if run.axis is None or not len(d):
        return []
    x = run.axis.of_d(np.asarray(d, dtype=float))
    return x[np.isfinite(x)]


class WaterfallFigure:
    """Every frame of the run as a row of colour, and a strip that says which phase."""

    def __init__(self, x_range: Range1d) -> None:
        self._y = Range1d(start=0.5, end=1.5)
        self.figure = _figure("Scan: each row one frame", x_range=x_range, y_range=self._y)
        self.figure.yaxis.axis_label = "frame"
        self.figure.grid.visible = False
        self._image = ColumnDataSource({"image": [], "x": [], "y": [], "dw": [], "dh": []})
        self.figure.image(source=self._image, palette=Cividis256)
        self._shown = ColumnDataSource({"y": []})
        self.figure.hspan("y", source=self._shown, line_color=INK, line_width=2, line_dash="dashed")
        self.strip = _figure("Phase", x_range=Range1d(start=0, end=1), y_range=self._y, width=230)
        self.strip.sizing_mode = "stretch_both"
        self.strip.toolbar_location = None
        self.strip.axis.visible = self.strip.grid.visible = False
        self.bands = ColumnDataSource(_band_columns(None))
        self.strip.quad(
            left=0.02, right=0.30, bottom="bottom", top="top", source=self.bands,
            fill_color="colour", line_color=GROUND, line_width=2,
            hatch_pattern="hatch", hatch_color=GROUND, hatch_alpha=0.5,
        )  # fmt: skip
        self.strip.text(
            0.34, "middle", "text", source=self.bands, text_color=INK, text_font_size="17px",
            text_baseline="middle",
        )  # fmt: skip

    def show(self, run: Run | None, frame: Frame | None) -> None:
        """Draw the whole run and mark `frame`."""
        self._shown.data = {"y": [frame.seq_num] if frame else []}
        if run is None or not len(run):
            self._image.data = {"image": [], "x": [], "y": [], "dw": [], "dh": []}
            self.bands.data = _band_columns(None)
            return
        first, last = run.seq_nums[0], run.seq_nums[-1]
        self._y.update(start=last + 0.5, end=first - 0.5)  # the latest at the bottom, as it grows
        span = last - first + 1
        rows = min(span, ROWS)
        image = np.zeros((rows, COLUMNS), np.uint8)
        for each in run:
            if each.row is not None:
                image[(each.seq_num - first) * rows // span] = each.row
        low, high = run.extent
        self._image.data = {
            "image": [image], "x": [low], "y": [first - 0.5], "dw": [high - low], "dh": [span],
        }  # fmt: skip
        self.bands.data = _band_columns(run)


def _band_columns(run: Run | None) -> Any:
    found = bands(run or ())
    tall = max(1, len(run or ()) // 25)
    marks = [SYSTEMS.get(band.crystal_system) for band in found]
    return {
        "bottom": [band.first - 0.5 for band in found],
        "top": [band.last + 0.5 for band in found],
        "middle": [(band.first + band.last) / 2 for band in found],
        "colour": [mark.colour if mark else FAINT for mark in marks],
        "hatch": [mark.hatch if mark else "blank" for mark in marks],
        # A band of a frame or two has no room for words; the bar beside it shows its hatching.
        "text": [
            f"{band.crystal_system or 'no answer'}\n{band.space_group_symbol}".strip()
            if band.frames >= 3 * tall
            else (mark.short if mark and band.frames >= tall else "")
            for band, mark in zip(found, marks, strict=True)
        ],
    }


class LatticeFigure:
    """The Niggli cell's edges, with σ, against what is scanned."""

    def __init__(self) -> None:
        self._x, self._y = Range1d(start=0, end=1), Range1d(start=2, end=10)
        self.figure = _figure("Lattice: Niggli edges ± σ", x_range=self._x, y_range=self._y)
        self.figure.yaxis.axis_label = "Å"
        self.sources = {}
        for edge, marker, colour in EDGES:
            source = ColumnDataSource({"x": [], "y": [], "low": [], "high": []})
            self.figure.scatter(
                "x", "y", source=source, marker=marker, size=10, color=colour, legend_label=edge
            )
            whisker = Whisker(
                source=source, base="x", lower="low", upper="high",
                line_color=colour, line_alpha=0.35,
            )  # fmt: skip
            whisker.upper_head = whisker.lower_head = None
            self.figure.add_layout(whisker)
            self.sources[edge] = source
        legend = self.figure.legend[0]
        self.figure.add_layout(legend, "right")  # beside the points, not over them
        legend.border_line_color = None
        legend.label_text_color, legend.label_text_font_size = INK, "18px"
        legend.background_fill_color, legend.background_fill_alpha = GROUND, 0.6

    def show(self, run: Run | None, against: str) -> None:
        """Draw the run against the scalar `against`; '' is the frame number."""
        self.figure.xaxis.axis_label = against or "frame"
        frames = [f for f in run or () if f.predicted]
        frames = frames[:: max(1, math.ceil(len(frames) / 600))]
        x = [f.motors.get(against, math.nan) if against else float(f.seq_num) for f in frames]
        cells = [f.cell("lattice") for f in frames]
        spreads = [f.cell("lattice", "_std") for f in frames]
        _span(self._x, x)
        _span(self._y, [edge for cell in cells for edge in cell[:3]])
        for place, source in enumerate(self.sources.values()):
            y = [cell[place] for cell in cells]
            s = [0.0 if math.isnan(v[place]) else v[place] for v in spreads]
            source.data = {
                "x": x,
                "y": y,
                "low": [a - b for a, b in zip(y, s, strict=True)],
                "high": [a + b for a, b in zip(y, s, strict=True)],
            }


def _span(span: Range1d, values: Sequence[float]) -> None:
    """Room for `values` and a little more; as it was where there are none."""
    finite = [value for value in values if math.isfinite(value)]
    if finite:
        low, high = min(finite), max(finite)
        room = 0.08 * (high - low) or 0.05 * abs(high) or 0.5
        span.update(start=low - room, end=high + room)
