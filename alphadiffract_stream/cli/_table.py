"""Predictions as a table on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

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


def table_of(predictions: Sequence[Prediction]) -> Table:
    """One row a pattern; the reason stands where an answer would."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("pattern", overflow="fold")
    table.add_column("status")
    table.add_column("system")
    table.add_column("space group")
    table.add_column("a b c (Å)  α β γ (°), conventional", overflow="fold")
    table.add_column("coverage", justify="right")
    for prediction in predictions:
        status = Text(prediction.status.value, style=_STYLES[prediction.status])
        table.add_row(_name(prediction), status, *_answer(prediction))
    return table


def _answer(prediction: Prediction) -> tuple[str | Text, ...]:
    if not prediction.status.predicted:
        return "", "", Text(prediction.reason, style="dim"), ""
    best = prediction.space_groups[0]
    cell = Text(cell_text(prediction.conventional))
    if prediction.reason:
        cell.append(f"\n{prediction.reason}", style="dim")
    return (
        f"{prediction.crystal_system} {prediction.crystal_system_probability:.0%}",
        f"{best.symbol} ({best.number}) {best.probability:.0%}",
        cell,
        f"{prediction.coverage:.0%}",
    )


def cell_text(cell: Sequence[float]) -> str:
    """Six numbers as ``5.404 5.404 5.404  90.0 90.0 90.0``."""
    lengths = " ".join(f"{x:.3f}" for x in cell[:3])
    return f"{lengths}  {' '.join(f'{x:.1f}' for x in cell[3:])}"


def _name(prediction: Prediction) -> str:
    origin = prediction.origin
    name = Path(origin.name).name
    # Files that hold one pattern are the rule: its number 1 says nothing.
    return name if origin.seq_num in (None, 1) else f"{name} #{origin.seq_num}"
