"""``python -m training similarity``: how many structures are the same crystal."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markdown import Markdown
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from alphadiffract_stream.errors import ConfigurationError

from ..similarity import compare, gather, markdown, summarize, write_report
from ..structures import read_structures


def similarity(
    sets: Annotated[
        list[Path], typer.Argument(metavar="SET…", help="One or more curated sets (.jsonl.xz).")
    ],
    output: Annotated[Path, typer.Option(help="Folder of the report.")] = Path("data/similarity"),
    threshold: Annotated[float, typer.Option(min=0.0)] = 0.9,
    families: Annotated[
        int | None, typer.Option(min=1, help="Look at so many families only, of all kinds.")
    ] = None,
    processes: Annotated[int, typer.Option(min=1)] = os.cpu_count() or 1,
) -> None:
    """CrystalNN fingerprints clustered within each family, as in the paper's supplement."""
    console = Console(stderr=True)
    names = [path.name.removesuffix(".xz").removesuffix(".jsonl") for path in sets]
    if len(set(names)) < len(names):
        names = [str(path) for path in sets]
    try:
        found = gather({n: read_structures(p) for n, p in zip(names, sets, strict=True)})
        chosen = found.sampled(families)
        columns = (*Progress.get_default_columns()[:1], BarColumn(), MofNCompleteColumn())
        with Progress(*columns, TimeRemainingColumn(), console=console) as bar:
            task = bar.add_task("families", total=len(chosen))
            results = compare(
                chosen,
                output / "parts",
                threshold=threshold,
                processes=processes,
                progress=lambda done: bar.advance(task, done),
            )
    except (ConfigurationError, OSError, ValueError) as error:
        console.print(f"[red]{error}", soft_wrap=True)
        raise typer.Exit(2) from None
    summary = summarize(results, chosen.sets, threshold)
    path = write_report(output, summary, results)
    if len(chosen) < len(found):
        console.print(f"{len(chosen)} of {len(found)} families")
    console.print(Markdown(markdown(summary)))
    console.print(f"{path}", soft_wrap=True)
