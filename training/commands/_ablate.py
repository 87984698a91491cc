"""``python -m training ablate``: what each cause in the training patterns is worth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from ..causes import DEFAULT, Grids, causes_named, judged, plan, write_ablation
from ..evaluation import load_labelled
from ..reflections import SymmetryTables
from ..trainer import DataConfig, graph_distances, read_config
from ._ensemble import Shown, is_finished, progress_bars, train_member
from ._train import write_config


def ablate(
    config: Annotated[Path, typer.Argument(help="TOML file; see training/configs/ablation.toml.")],
    output: Annotated[Path, typer.Option(help="Folder of the runs and the table.")],
    steps: Annotated[int, typer.Option(min=1, help="Of each run: all have the same.")],
    without: Annotated[
        list[str] | None,
        typer.Option(help="A cause, or several as background+humps; repeatable. Default: eight."),
    ] = None,
    repeats: Annotated[
        int, typer.Option(min=0, help="Runs without any change but the seed: how much runs differ.")
    ] = 1,
    start_from: Annotated[
        Path | None, typer.Option(help="Checkpoint whose weights every run begins with.")
    ] = None,
    on: Annotated[
        list[Path] | None, typer.Option(help="NAME.npz of another simulator; repeatable.")
    ] = None,
    background: Annotated[
        str | None, typer.Option(help="Background removal for --on, e.g. arpls.")
    ] = None,
    patterns: Annotated[int, typer.Option(min=2, help="Held-out patterns to judge on.")] = 4096,
    prepare: Annotated[
        bool,
        typer.Option("--prepare", help="Write configurations alone, to train elsewhere."),
    ] = False,
    threads: Annotated[int | None, typer.Option(help="CPU threads of the network.")] = None,
    data: Annotated[Path | None, typer.Option(help="Overrides data.reflections.")] = None,
    subgroups: Annotated[Path | None, typer.Option(help="Overrides data.subgroups.")] = None,
) -> None:
    """Train the same network with one cause switched off at a time, and compare.

    The same command goes on where it was stopped or killed; runs trained elsewhere (a file
    ``finished`` in their folder says so) are only compared. RRUFF is refused: it is for the end.
    """
    refused = [path for path in on or [] if "rruff" in path.name.lower()]
    if refused:
        raise typer.BadParameter(f"{refused[0].name}: RRUFF is never used to choose by")
    try:
        left_out = [(name, causes_named(name)) for name in without or DEFAULT]
        runs = plan(read_config(config).on_data(data, subgroups), left_out, repeats)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    for run in runs if prepare else ():
        write_config(run.config, output / run.folder)
    if prepare:
        return
    if threads:
        torch.set_num_threads(threads)
    console = Console(stderr=True)
    with progress_bars(console) as progress:
        tasks = [progress.add_task(run.folder, total=None, told="waiting") for run in runs]
        for run, task in zip(runs, tasks, strict=True):
            folder = output / run.folder
            if is_finished(folder):
                progress.update(task, completed=1, total=1, told="finished")
                continue
            show = Shown(progress, task, steps)
            if not train_member(run.config, folder, steps, 1e12, 0.0, show, start_from):
                console.print(f"stopped in {folder}; the same command goes on")
                raise typer.Exit(1)
    distances = _distances(runs[0].config.data)
    foreign = {path.stem: Grids.of(load_labelled(path), background) for path in on or []}
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("judging", total=len(runs) - 1)
        rows = []
        for row in judged(runs, output, foreign, patterns, distances):
            rows.append(row)
            progress.advance(task)
    console.print(f"{write_ablation(output, rows, steps)} written, with ablation.json and .png")


def _distances(data: DataConfig) -> NDArray[np.float32] | None:
    """Hops: from the edges, else a pack's own."""
    if data.subgroups.is_file():
        return graph_distances(data.subgroups)
    own = SymmetryTables.load(data.reflections).distances
    return None if own is None else own.astype(np.float32)
