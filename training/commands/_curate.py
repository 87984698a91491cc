"""``python -m training curate``: what data bases and folders hold → structures fit for training."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from ..curation import (
    CurationError,
    FamilyKind,
    Source,
    Tolerances,
    download_materials_project,
    installed_amcsd,
    open_source,
    report_table,
)
from ..curation import curate as run

MATERIALS_PROJECT = "mp-api"
MINERALS = "amcsd"


def curate(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE…",
            help="Folders, .cif, .zip of .cif, .jsonl.xz; mp-api or mp-api:Ca-C-O to download; "
            "amcsd for the minerals of larixite.",
        ),
    ],
    output: Annotated[Path, typer.Option(help="Structures kept (.jsonl.xz).")] = Path(
        "data/curated.jsonl.xz"
    ),
    processes: Annotated[int, typer.Option(min=1)] = os.cpu_count() or 1,
    symprec: Annotated[
        tuple[float, float], typer.Option(help="Å: the space group must be one from … to …")
    ] = Tolerances().symprec,
    angle: Annotated[
        tuple[float, float], typer.Option(help="Degrees: and from … to …")
    ] = Tolerances().angle,
    niggli: Annotated[
        float, typer.Option(help="Relative deviation of the Niggli cell allowed.")
    ] = Tolerances().niggli,
    max_volume: Annotated[float, typer.Option(help="Å³.")] = Tolerances().volume,
    max_atoms: Annotated[int, typer.Option()] = Tolerances().atoms,
    ordered_only: Annotated[
        bool, typer.Option(help="Leave out crystals with shared or partly empty sites.")
    ] = False,
    families: Annotated[
        FamilyKind,
        typer.Option(help="Kept whole when dividing training from validation."),
    ] = "compound",
    mp_api_key: Annotated[
        str | None, typer.Option(envvar="MP_API_KEY", help="Your Materials Project key.")
    ] = None,
    downloads: Annotated[Path, typer.Option(help="Where what mp-api sends is kept.")] = Path(
        "data/materials-project"
    ),
) -> None:
    """Keep what passes the paper's rules (§5.1); name and count what does not."""
    console = Console(stderr=True)
    tolerances = Tolerances(symprec, angle, niggli, max_volume, max_atoms, ordered_only, families)
    try:
        with progress_bar(console) as bar:
            opened = [s for name in sources for s in _open(name, mp_api_key, downloads, bar)]
            task = bar.add_task("curate", total=None)
            report = run(
                opened,
                output,
                tolerances=tolerances,
                processes=processes,
                progress=lambda done: bar.advance(task, done),
            )
    except CurationError as error:
        console.print(f"[red]{error}", soft_wrap=True)
        raise typer.Exit(2) from None
    console.print(report_table(report))
    if report.kept == 0:
        console.print("[red]nothing was kept", soft_wrap=True)
        raise typer.Exit(1)


def _open(name: str, key: str | None, downloads: Path, bar: Progress) -> list[Source]:
    if name == MINERALS:
        return open_source(installed_amcsd())
    if name.partition(":")[0] != MATERIALS_PROJECT:
        return open_source(Path(name))
    system = name.partition(":")[2] or None
    task = bar.add_task("download", total=None)
    files = download_materials_project(
        downloads / (system or "all"),
        key,
        chemical_system=system,
        progress=lambda done, total: bar.update(task, completed=done, total=total),
    )
    return [source for file in files for source in open_source(file)]


def progress_bar(console: Console) -> Progress:
    """Entries done, of how many where that is known."""
    columns = (*Progress.get_default_columns()[:1], BarColumn(), MofNCompleteColumn())
    return Progress(*columns, TimeRemainingColumn(), console=console)
