"""``python -m training compare``: two runs on the same patterns, by subgroup-graph distance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from alphadiffract_stream.grid import to_grid

from ..ensembles import Members, mean_outputs
from ..evaluation import load_labelled, paired_share
from ..patterns import open_drawer
from ..reflections import ReflectionStore, SymmetryTables
from ..trainer import (
    TrainingConfig,
    graph_distances,
    held_out_patterns,
    member_folders,
    open_members,
    read_config,
)


def compare(
    first: Annotated[Path, typer.Argument(help="Run or ensemble folder.")],
    second: Annotated[Path, typer.Argument(help="Another.")],
    subgroups: Annotated[Path, typer.Option(help="maxsub_edges.json.")],
    data: Annotated[
        list[Path] | None, typer.Option(help="NAME.npz with NAME.json beside it; repeatable.")
    ] = None,
    reflections: Annotated[Path | None, typer.Option(help="Overrides data.reflections.")] = None,
    patterns: Annotated[int, typer.Option(help="Held-out simulated patterns; 0 for none.")] = 4096,
    background: Annotated[
        str | None, typer.Option(help="Background removal for --data, e.g. arpls.")
    ] = None,
) -> None:
    """How near the predicted space groups are to the true ones, run against run.

    Both see the same patterns; held-out ones are drawn as the first run's configuration says.
    """
    console = Console()
    distances = graph_distances(subgroups)
    runs = [Members(open_members(member_folders([folder]))) for folder in (first, second)]
    config = read_config(member_folders([first])[0] / "config.json").on_data(reflections)
    for name, grids, groups in _sets(config, patterns, data or [], background):
        hops = [distances[_groups(run, grids), groups] for run in runs]
        table = Table(title=f"{name}: {len(groups)} patterns")
        for column in ("space group", first.name, second.name, "difference (95 %)"):
            table.add_column(column)
        for edges, label in ((0, "right"), (1, "within one edge"), (2, "within two edges")):
            row = paired_share(hops[0] <= edges, hops[1] <= edges)
            told = f"{100 * row.difference:+.2f} ± {100 * row.interval:.2f}"
            table.add_row(label, f"{row.first:.2%}", f"{row.second:.2%}", told)
        row = paired_share(*hops)
        told = f"{row.difference:+.3f} ± {row.interval:.3f}"
        table.add_row("mean distance, edges", f"{row.first:.3f}", f"{row.second:.3f}", told)
        console.print(table)


def _sets(
    config: TrainingConfig, patterns: int, data: list[Path], background: str | None
) -> Iterator[tuple[str, NDArray[np.float32], NDArray[np.int64]]]:
    """Name, (N, 8192) grids and (N,) groups 0…229 of each set."""
    if patterns:
        config = replace(config, data=replace(config.data, validation_patterns=patterns))
        store = ReflectionStore.load(config.data.reflections)
        symmetry = SymmetryTables.load(config.data.reflections)
        drawn_with, cpu = config.data.drawn_with(), torch.device("cpu")
        drawer = open_drawer(config.data.engine, store, symmetry, drawn_with, cpu)
        _, held_out = store.split(config.data.validation_fraction)
        batches = held_out_patterns(drawer, store, held_out, config)
        grids = torch.cat([b.pattern for b in batches]).numpy()
        yield "held out", grids, torch.cat([b.space_group for b in batches]).numpy()
    for path in data:
        labelled = load_labelled(path)
        measured = [to_grid(p, background=background).intensity for p in labelled.patterns]
        yield labelled.name, np.stack(measured), labelled.space_group - 1


def _groups(members: Members, grids: NDArray[np.float32]) -> NDArray[np.int64]:
    """(N,) most probable groups, 0…229, of the space-group head alone."""
    with torch.no_grad():
        parts = [
            mean_outputs(members(piece))[1].argmax(dim=1)
            for piece in torch.from_numpy(grids).float().split(256)
        ]
    return torch.cat(parts).numpy()
