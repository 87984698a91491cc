"""Predictions on the terminal, a line each, as they come. ``terminal:``"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict
from rich.console import Console
from rich.text import Text

from ..urls import Url
from ..wire import read_options

_BAR = " ▏▎▍▌▋▊▉█"
_BAR_WIDTH = 8
_STYLES = {
    "ok": "green",
    "low_confidence": "yellow",
    "out_of_domain": "magenta",
    "refused": "red",
    "failed": "bold red",
}
_LENGTHS = ("a", "b", "c")
_ANGLES = ("alpha", "beta", "gamma")


class TerminalSink:
    """Writes lines to a rich console; it only ever appends, so that logs stay readable."""

    def __init__(self, console: Console | None = None) -> None:
        self.name = "terminal"
        self._console = console or Console(soft_wrap=True, highlight=False)

    async def emit(self, name: str, document: Mapping[str, Any]) -> None:
        """Print one document as one line; descriptors are not shown."""
        match name:
            case "start":
                self._console.print(_start(document))
            case "event":
                self._console.print(_event(document["seq_num"], document["data"]))
            case "stop":
                self._console.print(_stop(document))

    async def close(self) -> None:
        """Nothing is held."""


def with_esd(value: float | None, std: float | None) -> str:
    """`value` with its standard deviation in units of the last digit: 5.741(12)."""
    if value is None or not math.isfinite(value):
        return "–"
    if std is None or not (math.isfinite(std) and std > 0):
        return f"{value:.3f}"
    # The rule of 19: one digit of the deviation, two where the first one is a 1.
    digits = -math.floor(math.log10(std))
    if round(std * 10**digits) < 2:
        digits += 1
    digits = max(0, min(digits, 6))
    return f"{value:.{digits}f}({max(1, round(std * 10**digits))})"


def bar(share: float) -> str:
    """`share` (0…1) of a bar of 8 characters."""
    eighths = round(max(0.0, min(1.0, share)) * _BAR_WIDTH * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (_BAR[rest] if rest else "")).ljust(_BAR_WIDTH)


def _start(document: Mapping[str, Any]) -> Text:
    model = document.get("model", {})
    raw = (document.get("parents") or ["?"])[0]
    text = Text(f"run {raw[:8]}", style="bold")
    text.append(f"  scan {document.get('scan_id')}")
    sample = document.get("sample_name") or document.get("sample")
    if sample:
        text.append(f"  {sample if isinstance(sample, str) else sample.get('name', '')}")
    engine = f"  {model.get('name')} {model.get('version')} on {document.get('engine')}"
    return text.append(engine, style="dim")


def _event(seq_num: int, data: Mapping[str, Any]) -> Text:
    status = data["status"]
    style = _STYLES.get(status, "")
    text = Text(f"{seq_num:6d}  ")
    if status in ("refused", "failed"):
        text.append(f"{status}: ", style=style)
        return text.append(data["reason"])
    share = data["crystal_system_probability"]
    text.append(f"{data['crystal_system']:<12} ", style="bold")
    text.append(bar(share), style=style).append(f" {share:4.0%}  ")
    symbol = f"{data['space_group_symbol']} ({data['space_group_number']})"
    text.append(f"{symbol:<19} {data['space_group_probability']:4.0%}  ")
    text.append(f"{_cell(data, _LENGTHS)} Å  {_cell(data, _ANGLES)}°  ")
    text.append(status.replace("_", " "), style=style)
    if data["reason"]:
        text.append(f": {data['reason']}", style="dim")
    return text


def _cell(data: Mapping[str, Any], edges: tuple[str, ...]) -> str:
    return " ".join(with_esd(data[f"lattice_{e}"], data[f"lattice_{e}_std"]) for e in edges)


def _stop(document: Mapping[str, Any]) -> Text:
    counts = ("received", "predicted", "refused", "failed", "missing")
    text = Text(f"run ended ({document['exit_status']}): ", style="bold")
    text.append(", ".join(f"{document.get(name, 0)} {name}" for name in counts), style="not bold")
    if missing := document.get("missing_seq_nums"):
        shown = ", ".join(map(str, missing[:20])) + (", …" if len(missing) > 20 else "")
        text.append(f" (seq_num {shown})", style="not bold")
    if document.get("reason"):
        text.append(f": {document['reason']}", style="not bold")
    return text


class Options(BaseModel):
    """There are none yet."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def open(url: Url) -> TerminalSink:
    """Sink on standard output. Raises ConfigurationError for options, of which there are none."""
    read_options(Options, url)
    return TerminalSink()
