"""``python -m training reflections``: structures → reflection tables."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Annotated, get_args

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from alphadiffract_stream.errors import AlphaDiffractError

from ..curation import open_source
from ..structures import ReflectionEngine
from ..tabulation import Tabulation, open_executor, tabulate_sources


def reflections(
    structures: Annotated[
        Path,
        typer.Argument(help="CIFs, or what `curate` wrote: .cif, .zip, .jsonl(.xz), or a folder."),
    ],
    output: Annotated[Path, typer.Option(help="Where to write the tables (.npz).")] = Path(
        "data/reflections.npz"
    ),
    processes: Annotated[int, typer.Option(min=1)] = os.cpu_count() or 1,
    every: Annotated[int, typer.Option(min=1, help="Take one structure in EVERY.")] = 1,
    engine: Annotated[str, typer.Option(help="builtin, or gsas2 where installed.")] = "builtin",
    dask: Annotated[
        str | None, typer.Option(help="Dask scheduler, e.g. tcp://host:8786, or local.")
    ] = None,
) -> None:
    """Tabulate hkl and |F|² of every structure; stopped at any moment, the same command goes on."""
    console = Console(stderr=True)
    try:
        name = _engine(engine)
        output.parent.mkdir(parents=True, exist_ok=True)
        parts = output.with_suffix(".parts")
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with (
            open_executor(processes, dask) as (executor, workers),
            Progress(*columns, TimeElapsedColumn(), console=console) as bar,
        ):
            task = bar.add_task("structures", total=None)
            result = tabulate_sources(
                open_source(structures),
                parts,
                executor,
                workers,
                engine=name,
                every=every,
                progress=lambda done, _: bar.advance(task, done),
            )
    except (AlphaDiffractError, ImportError) as error:
        console.print(f"[red]{error}")
        raise typer.Exit(1) from None
    _save(result, output, {"structures": structures.name, "engine": name, "every": every})
    shutil.rmtree(parts)
    console.print(_summary(result))


def _engine(name: str) -> ReflectionEngine:
    for known in get_args(ReflectionEngine):
        if name == known:
            if known == "gsas2":
                from ..gsas2 import load_scriptable

                load_scriptable()
            return known
    raise AlphaDiffractError(f"--engine {name}: not one of {', '.join(get_args(ReflectionEngine))}")


def _save(result: Tabulation, output: Path, choices: dict[str, object]) -> None:
    """The tables, who is missing, and the counts and choices, side by side."""
    result.store.save(output)
    result.write_left_out(output.with_suffix(".left_out.csv"))
    record = {**choices, "kept": len(result.store), "left_out": dict(result.counts())}
    output.with_suffix(".json").write_text(json.dumps(record, indent=1), encoding="utf-8")


def _summary(result: Tabulation) -> Table:
    table = Table("rule", "structures", title="Structures by rule")
    table.add_row("kept", f"{len(result.store)}")
    table.add_row("reflections each (mean)", f"{len(result.store.hkl) / len(result.store):.1f}")
    for reason, count in result.counts().most_common():
        table.add_row(f"left out: {reason}", f"{count}")
    for item in result.left_out[:5]:
        table.add_row("", f"{item.identifier}: {item.detail or item.rule}", style="dim")
    return table
