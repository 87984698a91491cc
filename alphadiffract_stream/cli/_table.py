"""Predictions as a table on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..prediction import Prediction, Status

_STYLES = {
    Status.OK: "green",
    Status.LOW_CONFIDENCE: "yellow",
    Status.OUT_OF_DOMAIN: "yellow",
    Status.REFUSED: "red",
    Status.FAILED: "red",
}


def show(predictions: Sequence[Prediction], console: Console) -> None:
    """One row a pattern, and below the table why any of them is not simply ``ok``."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("pattern", overflow="fold")
    for heading in ("status", "crystal system", "space group"):
        table.add_column(heading, no_wrap=True)
    table.add_column("a b c (Å)\nα β γ (°)", no_wrap=True)
    table.add_column("coverage", justify="right")
    for prediction in predictions:
        status = Text(prediction.status.value, style=_STYLES[prediction.status])
        table.add_row(_name(prediction), status, *_answer(prediction))
    console.print(table)
    for prediction in predictions:
        if prediction.reason:
            name = Text(f"{_name(prediction)}: ", style=_STYLES[prediction.status])
            console.print(name.append(prediction.reason, style="default"))


def _answer(prediction: Prediction) -> tuple[str, ...]:
    if not prediction.status.predicted:
        return ()
    best = prediction.space_groups[0]
    return (
        f"{prediction.crystal_system}\n{prediction.crystal_system_probability:.0%}",
        f"{best.symbol} ({best.number})\n{best.probability:.0%}",
        " ".join(f"{x:.3f}" for x in prediction.conventional[:3])
        + "\n"
        + " ".join(f"{x:.2f}" for x in prediction.conventional[3:]),
        f"{prediction.coverage:.0%}",
    )


def _name(prediction: Prediction) -> str:
    origin = prediction.origin
    name = Path(origin.name).name
    # Files that hold one pattern are the rule: its number 1 says nothing.
    return name if origin.seq_num in (None, 1) else f"{name} #{origin.seq_num}"
