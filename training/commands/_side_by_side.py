"""``python -m training side-by-side``: two deployed networks on the same patterns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from alphadiffract_stream.engines import open_engine

from ..evaluation import (
    LabelledSet,
    Paired,
    Structures,
    kind_of,
    kinds_side_by_side,
    load_labelled,
    predict_with,
)
from ..patterns import BalancedSampler
from ..reflections import ReflectionStore, SymmetryTables

SEED = 77


def side_by_side_command(
    first: Annotated[Path, typer.Argument(help="ONNX file, whole or in pieces.")],
    second: Annotated[Path, typer.Argument(help="Another.")],
    data: Annotated[
        list[Path] | None,
        typer.Option(help="NAME.npz with NAME.json beside it; repeatable."),
    ] = None,
    structures: Annotated[
        Path | None,
        typer.Option(help="Reflections file: new and known crystals, drawn as measured."),
    ] = None,
    patterns: Annotated[int, typer.Option(help="Of new, and of known, crystals.")] = 3072,
    theoretical_weight: Annotated[
        float, typer.Option(help="How often only computed crystals are drawn.", min=0.001, max=1)
    ] = 0.25,
    fraction: Annotated[float, typer.Option(help="Of families held out in training.")] = 0.05,
    background: Annotated[
        str | None, typer.Option(help="Background removal for --data, e.g. arpls.")
    ] = None,
) -> None:
    """What either gets right, and whether the difference is more than chance.

    Both see the same patterns; intervals are paired pattern by pattern. Of --structures the kinds
    of crystals are told apart: measured, disordered ones of `training disorder`, only computed.
    """
    if not data and structures is None:
        raise typer.BadParameter("nothing to compare on: give --data or --structures")
    console = Console()
    engines = [open_engine(f"onnx:{path}") for path in (first, second)]
    sets = [(load_labelled(path), background, None) for path in data or []]
    if structures is not None:
        source = Structures(ReflectionStore.load(structures), SymmetryTables.load(structures))
        drawn = _drawn(source, patterns, theoretical_weight, fraction)
        sets = [*((one, None, kind_of(source.store, one.structure)) for one in drawn), *sets]
    with Progress(console=Console(stderr=True), transient=True) as bar:
        for labelled, removal, kinds in sets:
            task = bar.add_task(labelled.name, total=len(labelled))
            one, other = predict_with(
                engines,
                labelled,
                background=removal,
                progress=lambda n, task=task: bar.advance(task, n),
            )
            table = _table(labelled.name, first, second)
            for kind, told in kinds_side_by_side(one, other, labelled, kinds).items():
                _add(table, kind, *told)
            console.print(table)


def _drawn(
    source: Structures, patterns: int, weight: float, fraction: float
) -> Iterator[LabelledSet]:
    kept, held_out = source.store.split(fraction)
    for name, part in (("new", held_out), ("known", kept)):
        if part.size == 0:
            raise typer.BadParameter(f"--fraction {fraction}: no {name} structure in the file")
        sampler = BalancedSampler(source.store, part, theoretical_weight=weight)
        yield source.drawn(sampler.sample(patterns, SEED), "measured", f"{name} crystals")


def _table(title: str, first: Path, second: Path) -> Table:
    table = Table(title=f"{title}, right in %")
    for column in ("crystals", "patterns", "", str(first), str(second), "difference (95 %)"):
        table.add_column(column, overflow="fold")
    return table


def _add(table: Table, kind: str, count: int, rows: dict[str, Paired]) -> None:
    for name, row in rows.items():
        told = f"{100 * row.difference:+.2f} ± {100 * row.interval:.2f}"
        shares = (f"{100 * share:.2f}" for share in (row.first, row.second))
        table.add_row(kind, f"{count}", name, *shares, told)
    table.add_section()
