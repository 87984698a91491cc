"""``python -m training rruff``: RRUFF's downloads → an evaluation set. Never for training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from alphadiffract_stream.errors import AlphaDiffractError

from ..rruff import RULES, Screening, read_texts, screen, write_set

PAPER = {
    "patterns": 1362,
    "DIF files": 2901,
    "complete": 2572,
    "lattices": 1867,
    "with a pattern": 837,
    "XY and DIF agree": 745,
    "cover 5–20° at 20 keV: for symmetry": 734,
    "with atoms that give the peaks: for the lattice": 240,
}
"""§5.1, of the download of its authors."""


def rruff(
    patterns: Annotated[Path, typer.Option(help="XY_Processed.zip of RRUFF, or a folder of it.")],
    dif: Annotated[Path, typer.Option(help="DIF.zip of RRUFF, or a folder of it.")],
    output: Annotated[Path, typer.Option(help="Set to write (.npz).")] = Path("data/rruff.npz"),
    measured_only: Annotated[
        bool, typer.Option("--measured-only", help="Without patterns computed from crystal data.")
    ] = False,
) -> None:
    """Screen, convert and pair RRUFF's patterns as the paper did. For evaluation only."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    try:
        with Progress(*columns, console=console) as bar:
            task = bar.add_task("files", total=None)
            result = screen(read_texts(patterns), read_texts(dif), lambda name: bar.advance(task))
        entries = write_set(result, output.with_suffix(".npz"), measured_only=measured_only)
    except AlphaDiffractError as error:
        console.print(f"[red]{error}")
        raise typer.Exit(1) from None
    console.print(_steps(result))
    console.print(_rules(result))
    console.print(f"{len(entries)} patterns in {output.with_suffix('.npz')}, for evaluation only")


def _steps(result: Screening) -> Table:
    table = Table("left after", "files", "paper", title="RRUFF by the paper's steps")
    for name, paper in PAPER.items():
        table.add_row(name, f"{result.steps.get(name, 0)}", f"{paper}")
    return table


def _rules(result: Screening) -> Table:
    table = Table("rule", "what it means", "fell", "for instance", title="What fell")
    for rule, count in result.counts().items():
        first = next(item for item in result.dropped if item.rule == rule)
        table.add_row(rule, RULES[rule], f"{count}", f"{first.name}: {first.detail}")
    return table
