"""The page of one browser: what is chosen there, and the drawings kept up to date."""

from __future__ import annotations

import time
from functools import cache
from importlib.resources import files
from typing import Any

from bokeh.document import Document
from bokeh.events import DocumentReady
from bokeh.models import Button, ColumnDataSource, CustomJS, Div, Range1d, Select, Slider, Toggle
from jinja2 import Environment, Template

from . import _html
from ._board import Board
from ._figures import LatticeFigure, PatternFigure, WaterfallFigure
from ._fitter import Fitter
from ._frame import Frame
from ._run import Run

REFRESH = 0.1
"""s between looks whether anything is new."""
SLOW = 1.0
"""s at least between drawings of the whole scan."""
PATIENCE = 5.0
"""s that a browser may take to say it has drawn; then it is sent the latest all the same."""
NEWEST = "the newest run"
NUMBER = "frame number"

_DRAWN = """
requestAnimationFrame(() => { done.data = {number: Array.from(sent.data.number)}; });
"""
_KEYS = """
window.addEventListener('keydown', (event) => {
  const path = event.composedPath();
  if (path.some((e) => ['INPUT', 'SELECT', 'TEXTAREA'].includes(e.tagName)
                || (e.getAttribute && e.getAttribute('role') == 'slider'))) return;
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const step = {ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10}[event.key];
  if (step !== undefined && !slider.disabled) {
    slider.value = Math.min(slider.end, Math.max(slider.start, slider.value + step));
    event.preventDefault();
  } else if (event.key == 'Home' && !slider.disabled) {
    slider.value = slider.start; event.preventDefault();
  } else if (event.key == 'End' || event.key == 'l') {
    follow.active = true; event.preventDefault();
  }
});
"""


class Page:
    """Widgets and figures of one session; reads `board`, never changes it."""

    def __init__(self, board: Board, fitter: Fitter) -> None:
        self._board, self._fitter = board, fitter
        self._seen: Any = None
        self._whole: Any = None
        self._whole_at = self._sent_at = 0.0
        self._updating = False
        # A browser slower than the scan must see the latest frame, not a queue of old ones.
        self._sent = ColumnDataSource({"number": [0]})
        self._done = ColumnDataSource({"number": [0]})
        self._sent.js_on_change(
            "data", CustomJS(args={"sent": self._sent, "done": self._done}, code=_DRAWN)
        )
        self._motor_of = ""
        sheet: Any = [_stylesheet()]
        words = {"stylesheets": sheet, "sizing_mode": "stretch_width"}
        self.headline, self.answer = Div(name="headline", **words), Div(name="answer", **words)
        self.fit, self.bars = Div(name="fit", **words), Div(name="bars", **words)
        self.account = Div(name="account", **words)
        self.run = Select(
            title="Run", options=[("", NEWEST)], value="", name="run", stylesheets=sheet, width=430
        )
        self.motor = Select(
            title="Lattice against",
            options=[NUMBER],
            value=NUMBER,
            name="motor",
            stylesheets=sheet,
            width=300,
        )
        self.slider = Slider(
            title="Frame", start=1, end=2, value=1, step=1, name="slider", stylesheets=sheet,
            sizing_mode="stretch_width", disabled=True, bar_color="#56B4E9",
        )  # fmt: skip
        self.follow = Toggle(
            label="▶ follow the latest", active=True, name="follow", stylesheets=sheet, width=230,
            button_type="primary",
        )  # fmt: skip
        self.zoom = Button(label="show all", name="zoom", stylesheets=sheet, width=110)
        self._x = Range1d(start=0, end=1)
        self._extent: Any = None
        self.pattern, self.waterfall = PatternFigure(self._x), WaterfallFigure(self._x)
        self.lattice = LatticeFigure()
        self.pattern.figure.name, self.waterfall.figure.name = "pattern", "waterfall"
        self.waterfall.strip.name, self.lattice.figure.name = "strip", "lattice"
        self.run.on_change("value", self._other_run)
        self.motor.on_change("value", self._again)
        self.slider.on_change("value", self._other_frame)
        self.follow.on_change("active", self._again)
        self.zoom.on_click(self._show_all)

    def attach(self, document: Document) -> None:
        """Put everything into `document` and keep it up to date."""
        for model in (
            *(self.headline, self.answer, self.fit, self.bars, self.account),
            *(self.run, self.motor, self.slider, self.follow, self.zoom),
            *(self.pattern.figure, self.waterfall.figure, self.waterfall.strip),
            self.lattice.figure,
        ):
            document.add_root(model)
        self.headline.tags = [self._sent]  # so that it belongs to the document
        document.title = "alphadiffract-stream"
        document.template = _template()
        keys = CustomJS(args={"slider": self.slider, "follow": self.follow}, code=_KEYS)
        document.js_on_event(DocumentReady, keys)
        document.add_periodic_callback(self.refresh, int(1000 * REFRESH))
        self.refresh()

    def refresh(self) -> None:
        """Bring the page up to date, if anything has changed and the browser keeps up."""
        run, now = self._chosen_run(), time.monotonic()
        behind = list(self._done.data["number"]) != list(self._sent.data["number"])
        if behind and now < self._sent_at + PATIENCE:
            return
        _say(self.headline, _html.headline(self._board, run))
        state = self._board.version, self._choice(), int(10 * self._board.rate)
        whole = (state, now > self._whole_at + SLOW) if state != self._whole else None
        if state == self._seen and not (whole and whole[1]):
            return
        self._updating = True
        try:
            frame = self._update(run) if state != self._seen else self._chosen_frame(run)
            if whole and whole[1]:
                self._whole, self._whole_at = state, now
                self._update_whole(run, frame)
        finally:
            self._updating = False
        self._seen, self._sent_at = state, now
        self._sent.data = {"number": [self._sent.data["number"][0] + 1]}

    def _update(self, run: Run | None) -> Frame | None:
        self._offer(run)
        frame = self._chosen_frame(run)
        found = self._fitter.look(run, frame) if run and frame else None
        _say(self.answer, _html.answer(run, frame))
        _say(self.fit, _html.fit_line(found) if found and frame and frame.predicted else "")
        _say(self.bars, _html.bars(frame))
        if run is not None and run.axis is not None and (run.uid, run.extent) != self._extent:
            self._extent = run.uid, run.extent
            self._show_all()
        self.pattern.show(run, frame, found.fit if found else None)
        return frame

    def _update_whole(self, run: Run | None, frame: Frame | None) -> None:
        """What shows the whole scan, and costs more."""
        _say(self.account, _html.account(self._board, run))
        self.waterfall.show(run, frame)
        against = str(self.motor.value or "")
        self.lattice.show(run, "" if against == NUMBER else against)

    def _offer(self, run: Run | None) -> None:
        """What can be chosen: runs, scalars, frames."""
        runs = [(uid, known.title) for uid, known in reversed(self._board.runs.items())]
        options: Any = [("", NEWEST), *runs]
        if self.run.options != options:
            self.run.options = options
        names: Any = [NUMBER, *(run.scalars if run else [])]
        if self.motor.options != names:
            self.motor.options = names
        uid = run.uid if run and run.scalars else ""
        if uid != self._motor_of or self.motor.value not in names:
            self._motor_of = uid
            self.motor.value = (run.motor if run else "") or NUMBER
        if run is None or not len(run):
            return
        first, last = run.seq_nums[0], run.seq_nums[-1]
        self.slider.update(start=first, end=max(last, first + 1), disabled=last == first)
        if self.follow.active and run.latest is not None:
            self.slider.value = run.latest.seq_num

    def _chosen_run(self) -> Run | None:
        uid = str(self.run.value or "")
        return self._board.runs.get(uid) or self._board.current

    def _chosen_frame(self, run: Run | None) -> Frame | None:
        if run is None or self.follow.active:
            return run.latest if run else None
        return run.frames.get(int(self.slider.value)) or run.latest

    def _choice(self) -> tuple[Any, ...]:
        frame = None if self.follow.active else self.slider.value
        return self.run.value, self.motor.value, frame, self.follow.active

    def _other_run(self, _attribute: str, _old: Any, _new: Any) -> None:
        self.follow.active = True
        self._again("", None, None)

    def _other_frame(self, _attribute: str, _old: Any, _new: Any) -> None:
        if not self._updating:
            self.follow.active = False
            self._again("", None, None)

    def _again(self, _attribute: str, _old: Any, _new: Any) -> None:
        if not self._updating:
            self._whole_at = 0.0  # who chose something is not made to wait
            self.refresh()

    def _show_all(self) -> None:
        run = self._chosen_run()
        if run is not None and run.axis is not None:
            low, high = run.extent
            self._x.update(start=low, end=high, reset_start=low, reset_end=high)


def _say(place: Div, text: str) -> None:
    if place.text != text:
        place.text = text


@cache
def _stylesheet() -> str:
    return (
        files("alphadiffract_stream.dashboard").joinpath("widgets.css").read_text(encoding="utf-8")
    )


@cache
def _template() -> Template:
    page = _asset("page.html")
    # Bokeh fills in scripts and roots, which it has made safe itself.
    return Environment(autoescape=False).from_string(page)  # noqa: S701


def _asset(name: str) -> str:
    return files("alphadiffract_stream.dashboard").joinpath(name).read_text(encoding="utf-8")
