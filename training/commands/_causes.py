"""``python -m training causes``: what each cause of measured patterns costs a network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ..causes import (
    CAUSES,
    STEP,
    Kept,
    answered,
    causes_named,
    conditions,
    cost,
    populations,
    write_costs,
)
from ..evaluation import Structures, open_contender
from ..reflections import ReflectionStore, SymmetryTables
from ..trainer import graph_distances
from ._evaluate import typed_command


def causes(
    data: Annotated[Path, typer.Option(help="Reflections file or pack trained on.")],
    output: Annotated[Path, typer.Option(help="Folder for report.md, figures and causes.json.")],
    network: Annotated[
        list[Path] | None,
        typer.Option(help="ONNX or folder of them; several are one ensemble. Default: shipped."),
    ] = None,
    cause: Annotated[
        list[str] | None, typer.Option(help="Only this cause; repeatable. Default: all.")
    ] = None,
    levels: Annotated[
        int, typer.Option(min=1, help="At most so many strengths of each cause.")
    ] = 4,
    patterns: Annotated[
        int, typer.Option(min=2, help="Crystals of held-out families, and as many known ones.")
    ] = 1024,
    background: Annotated[
        str | None, typer.Option(help="Background removal, as for measured patterns, e.g. arpls.")
    ] = None,
    subgroups: Annotated[
        Path | None, typer.Option(help="maxsub_edges.json; a pack brings its own.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    only_kept: Annotated[
        bool, typer.Option("--kept", help="Ask nothing; report what an earlier run has answered.")
    ] = False,
) -> None:
    """Laboratory scans with one cause at a time switched on, and with all but one.

    Stopped or killed, the same command goes on: what was answered is kept in the folder. Needs
    numba.
    """
    try:
        chosen = tuple(c for name in cause or [] for c in causes_named(name)) or CAUSES
    except ValueError as error:
        raise typer.BadParameter(f"--cause: {error}") from None
    contender = open_contender(network or [])
    structures = Structures(ReflectionStore.load(data), SymmetryTables.load(data))
    crowds = populations(structures, contender.held_out_fraction, patterns, seed)
    settings = {
        "network": [f"{e.card.name} {e.card.version}" for e in contender.engines],
        "sha256": [engine.card.sha256 for engine in contender.engines],
        "data": data.name,
        "crystals": len(structures.store),
        "patterns": patterns,
        "background": background,
        "step": STEP,
        "seed": seed,
    }
    try:
        kept = Kept(output, settings)
    except ValueError as error:
        raise typer.BadParameter(f"--output: {error}") from None
    wanted = conditions(chosen, levels)
    found = {}
    with _progress() as progress:
        task = progress.add_task("scans", total=len(wanted) * sum(p.crystals.size for p in crowds))
        for condition in wanted:
            progress.update(task, description=condition.name)
            for crowd in crowds:
                answers = kept.answers(condition, crowd.name)
                if answers is None and only_kept:
                    continue
                if answers is None:
                    answers = answered(
                        contender,
                        structures,
                        condition,
                        crowd,
                        background,
                        lambda done: progress.advance(task, done),
                    )
                    kept.keep(answers, condition, crowd.name)
                else:
                    progress.advance(task, crowd.crystals.size)
                found[condition.name, crowd.name] = answers
    own = structures.symmetry.distances
    distances = None if own is None else own.astype(np.float32)
    if subgroups is not None:
        distances = graph_distances(subgroups)
    groups = structures.store.space_group_number.astype(np.int64)
    costs = [
        cost(
            condition,
            crowd.name,
            found[condition.name, crowd.name],
            found[condition.beside, crowd.name] if condition.beside else None,
            groups[crowd.crystals],
            distances,
        )
        for condition in wanted
        for crowd in crowds
        if {(condition.name, crowd.name), (condition.beside or condition.name, crowd.name)}
        <= set(found)
    ]
    if not costs:
        raise typer.BadParameter(f"nothing was answered yet in {output}", param_hint="--kept")
    report = write_costs(output, costs, settings, typed_command())
    Console(stderr=True).print(f"{report} written, with its figures and causes.json")


def _progress() -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=Console(stderr=True))
