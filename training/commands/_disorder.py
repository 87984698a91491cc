"""``python -m training disorder``: disordered crystals out of a data base of ordered ones."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ..curation import CurationError, curate, open_source, report_table
from ..disorder import SYMPREC, disordered
from ._curate import progress_bar


def disorder(
    structures: Annotated[
        Path,
        typer.Argument(help="CIFs, or what `curate` wrote: .cif, .zip, .jsonl(.xz), or a folder."),
    ],
    output: Annotated[Path, typer.Option(help="Disordered crystals (.jsonl.xz).")] = Path(
        "data/disordered.jsonl.xz"
    ),
    symprec: Annotated[
        float, typer.Option(min=0.01, help="Å that atoms may be off their places in the average.")
    ] = SYMPREC,
    processes: Annotated[int, typer.Option(min=1)] = os.cpu_count() or 1,
) -> None:
    """Average ordered crystals over the symmetry they have where like elements are the same.

    Solid solutions, and frameworks in which hydrogens or alkali metals are spread over partly empty
    sites, as diffraction sees them. They pass the rules of `curate`, and are held out with the
    crystals they are made of. Stopped at any moment, the same command goes on.
    """
    console = Console(stderr=True)
    try:
        with progress_bar(console) as bar:
            task = bar.add_task("ordered crystals", total=None)
            report = curate(
                open_source(structures),
                output,
                processes=processes,
                judge=partial(disordered, symprec=symprec),
                progress=lambda done: bar.advance(task, done),
            )
    except CurationError as error:
        console.print(f"[red]{error}", soft_wrap=True)
        raise typer.Exit(2) from None
    console.print(report_table(report))
    if report.kept == 0:
        console.print("[red]no crystal has a higher symmetry without its order", soft_wrap=True)
        raise typer.Exit(1)
