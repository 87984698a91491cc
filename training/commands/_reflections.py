"""``python -m training reflections``: structures → reflection tables."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn
from rich.table import Table

from ..reflections import ReflectionStore
from ..structures import StructureRecord, read_structures, tabulate_all


def reflections(
    structures: Annotated[
        Path, typer.Argument(help="What `curate` wrote, or a folder of *.jsonl.xz files.")
    ],
    output: Annotated[Path, typer.Option(help="Where to write the tables (.npz).")] = Path(
        "data/reflections.npz"
    ),
    processes: Annotated[int, typer.Option(min=1)] = os.cpu_count() or 1,
    every: Annotated[int, typer.Option(min=1, help="Take one structure in EVERY.")] = 1,
) -> None:
    """Tabulate hkl and |F|² of every structure that passes the paper's rules (§5.1)."""
    console = Console(stderr=True)
    columns = (*Progress.get_default_columns()[:1], BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as bar:
        task = bar.add_task("structures", total=None)
        store, reasons = tabulate_all(
            _thinned(read_structures(structures), every),
            processes=processes,
            progress=lambda done: bar.advance(task, done),
        )
    output.parent.mkdir(parents=True, exist_ok=True)
    store.save(output)
    console.print(_summary(store, reasons))


def _thinned(records: Iterator[StructureRecord], every: int) -> Iterator[StructureRecord]:
    return (record for i, record in enumerate(records) if i % every == 0)


def _summary(store: ReflectionStore, reasons: Counter[str]) -> Table:
    table = Table("rule", "structures", title="Structures by rule")
    table.add_row("kept", f"{len(store)}")
    table.add_row("reflections each (mean)", f"{len(store.hkl) / len(store):.1f}")
    for reason, count in reasons.most_common():
        table.add_row(f"left out: {reason}", f"{count}")
    return table
