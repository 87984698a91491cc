"""``python -m training parity``: the simulation against patterns computed by GSAS-II."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, cast

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from alphadiffract_stream.errors import AlphaDiffractError

from ..parity import INTENSITY_GOAL, PATTERN_GOAL, Parity, compare_all
from ..structures import ReflectionEngine


def parity(
    golden: Annotated[
        Path, typer.Option(help="Folder of NAME.npz with cif/NAME.cif, computed by GSAS-II.")
    ],
    engine: Annotated[str, typer.Option(help="builtin, or gsas2 where installed.")] = "builtin",
    output: Annotated[
        Path | None, typer.Option(help="Write the table here: .json, or .md.")
    ] = None,
) -> None:
    """Errors of intensities and patterns, exact and as drawn; fails where a goal is missed."""
    console = Console(stderr=True)
    if engine not in ("builtin", "gsas2"):
        console.print(f"[red]--engine {engine}: not one of builtin, gsas2")
        raise typer.Exit(2)
    try:
        chosen = cast(ReflectionEngine, engine)
        rows = list(track(compare_all(golden, chosen), "structures", 36, console=console))
    except (AlphaDiffractError, FileNotFoundError, ImportError) as error:
        console.print(f"[red]{error}")
        raise typer.Exit(2) from None
    console.print(_table(rows))
    if output is not None:
        text = _markdown(rows) if output.suffix == ".md" else json.dumps(_as_json(rows), indent=1)
        output.write_text(text + "\n", encoding="utf-8")
    if not all(row.passed for row in rows):
        raise typer.Exit(1)


HEADINGS = ("structure", "reflections", "intensity rms", "exact sum", "compiled", "Fourier")


def _cells(row: Parity) -> list[str]:
    errors = (row.intensity_rms, row.exact, row.compiled, row.fourier)
    return [row.structure, str(row.reflections), *(f"{error:.1e}" for error in errors)]


def _worst(rows: list[Parity]) -> list[str]:
    names = ("intensity_rms", "exact", "compiled", "fourier")
    return ["worst", "", *(f"{max(getattr(r, n) for r in rows):.1e}" for n in names)]


def _table(rows: list[Parity]) -> Table:
    table = Table(*HEADINGS, title="Against GSAS-II")
    for row in rows:
        table.add_row(*_cells(row), style=None if row.passed else "red")
    table.add_section()
    table.add_row(*_worst(rows))
    table.caption = f"goals: intensities {INTENSITY_GOAL:g}, exact sum {PATTERN_GOAL:g} of maximum"
    return table


def _markdown(rows: list[Parity]) -> str:
    lines = [HEADINGS, ["---"] * len(HEADINGS), *map(_cells, rows), _worst(rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _as_json(rows: list[Parity]) -> list[dict[str, object]]:
    return [row.as_dict() for row in rows]
