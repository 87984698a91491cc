"""The scan as a person sees it: a live table in a terminal, plain lines elsewhere, a summary."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ._frames import Frame
from ._summary import Summary

HEADINGS = ("T (K)", "in the beam", "system", "space group", "status", "frame", "cell (Å, °)")
LEAST_WIDTH = (0, 0, 0, 0, 0, 90, 126)
"""Columns a terminal must have for each heading to be shown."""
PLAIN = "{5:>5}  {0:>5}  {1:<27}  {2:<17}  {3:<22}  {6:<34}  {4}"
ROWS = 18
"""Latest frames a live table shows, where the terminal is high enough."""


def cells(frame: Frame) -> tuple[Text, ...]:
    """One frame as the columns of the table; right in green, wrong in red, mixtures plain."""
    system = group = cell = Text("")
    if frame.prediction is not None and frame.answered:
        answer = frame.prediction
        system = Text(
            f"{answer['crystal_system']} {answer['crystal_system_probability']:.2f}",
            _style(frame.system_right),
        )
        group = Text(
            f"{_compact(answer['space_group_symbol'])} ({answer['space_group_number']}) "
            f"{answer['space_group_probability']:.2f}",
            _style(frame.space_group_right),
        )
        cell = Text(_cell(answer))
    status = Text(frame.status, "" if frame.status == "ok" else "yellow")
    if not frame.answered and frame.prediction is not None:
        status.append(f": {frame.prediction['reason']}")
    temperature = Text(f"{frame.truth.temperature:.0f}")
    return temperature, Text(_truth(frame)), system, group, status, Text(str(frame.seq_num)), cell


def summary_lines(summary: Summary) -> list[str]:
    """The summary in words."""
    states = ", ".join(f"{count} {status}" for status, count in sorted(summary.statuses.items()))
    lines = [
        f"{summary.answered} of {summary.frames} frames predicted ({states})",
        f"right crystal system on {summary.system_right} of {summary.pure} frames of one phase, "
        f"right space group on {summary.space_group_right}",
    ]
    if summary.latency_p50 is not None and summary.latency_p99 is not None:
        lines.append(
            f"from event document to prediction: p50 {summary.latency_p50:.1f} ms, "
            f"p99 {summary.latency_p99:.1f} ms"
        )
    account = summary.account
    if account:
        counts = {k: v for k, v in account.items() if isinstance(v, int)}
        lines.append("the service's account: " + ", ".join(f"{v} {k}" for k, v in counts.items()))
    else:
        lines.append("the service's account did not arrive")
    return lines


class Display:
    """Shows frames as their predictions arrive. Quiet when `headless`."""

    def __init__(self, frames: int, *, headless: bool, console: Console | None = None) -> None:
        self._total = frames
        self._headless = headless
        self._console = console or Console()
        self._shown: list[Frame] = []
        self._live: Live | None = None

    def say(self, text: str) -> None:
        """One line about what is going on."""
        if not self._headless:
            self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def show(self, frame: Frame) -> None:
        """A frame whose prediction has just arrived."""
        if self._headless:
            return
        self._shown.append(frame)
        if self._live is not None:
            self._live.update(self._table())
        else:
            if len(self._shown) == 1:
                self.say(PLAIN.format(*HEADINGS).rstrip())
            self.say(PLAIN.format(*(text.plain for text in cells(frame))).rstrip())

    def finish(self, summary: Summary) -> None:
        """The end of the scan; said also when headless."""
        self._stop()
        for line in summary_lines(summary):
            self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def __enter__(self) -> Self:
        if not self._headless and self._console.is_terminal:
            live = Live(console=self._console, refresh_per_second=8)
            live.start()
            self._live = live
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _table(self) -> Table:
        shown = [n for n, least in enumerate(LEAST_WIDTH) if self._console.width >= least]
        table = Table(
            title=f"frame {len(self._shown)} of {self._total}", box=SIMPLE_HEAD, pad_edge=False
        )
        for n in shown:
            status = HEADINGS[n] == "status"
            table.add_column(HEADINGS[n], no_wrap=not status, min_width=14 if status else None)
        for frame in self._shown[-min(ROWS, max(1, self._console.height - 6)) :]:
            row = cells(frame)
            table.add_row(*(row[n] for n in shown))
        return table


def _truth(frame: Frame) -> str:
    phase = frame.truth.phase
    if phase is not None:
        return f"{phase.name} {_compact(phase.space_group_symbol)} ({phase.space_group_number})"
    present = [f"{share:.0%} {name}" for name, share in frame.truth.fractions.items() if share > 0]
    return " + ".join(present)


def _compact(symbol: str) -> str:
    """``P n m a`` as it is printed in tables: ``Pnma``."""
    return symbol.replace(" ", "")


def _style(right: bool | None) -> str:
    return "" if right is None else "green" if right else "red"


def _cell(answer: Any) -> str:
    lengths = " ".join(f"{answer[f'conventional_{name}']:.3f}" for name in ("a", "b", "c"))
    angles = " ".join(
        f"{answer[f'conventional_{name}']:.1f}" for name in ("alpha", "beta", "gamma")
    )
    return f"{lengths} {angles}"
