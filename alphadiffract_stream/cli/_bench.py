"""``bench``: how fast the way is on this machine."""

from __future__ import annotations

import json
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from ..errors import ConfigurationError
from ._signals import terminated_as_interrupted

_WIDTH = 120
"""Columns of the widest table."""
_Choice = TypeVar("_Choice", bound=StrEnum)
_ENGINES = Annotated[
    list[str] | None,
    typer.Option("--engine", metavar="URL", help="May be repeated: engines side by side."),
]
_PARTS = Annotated[
    list[str] | None,
    typer.Option("--part", metavar="PART", help="stages, engines or load; may be repeated."),
]
_BATCHES = Annotated[
    list[int] | None, typer.Option("--batch", metavar="N", help="Batch size; may be repeated.")
]
_LOADS = Annotated[
    list[float] | None,
    typer.Option("--load", metavar="SHARE", help="Share of capacity, e.g. 0.5; may be repeated."),
]


def bench(
    engine: _ENGINES = None,
    part: _PARTS = None,
    batch: _BATCHES = None,
    load: _LOADS = None,
    points: Annotated[int, typer.Option(help="Points of each pattern.")] = 8192,
    seconds: Annotated[float, typer.Option(help="Seconds of each load.")] = 10.0,
    arrivals: Annotated[
        str, typer.Option(metavar="WHEN", help="paced (a detector) or poisson (at random).")
    ] = "paced",
    paper_way: Annotated[
        bool, typer.Option("--paper-way", help="Beside ten members in eager torch, one by one.")
    ] = False,
    members: Annotated[int, typer.Option(help="Of the paper's ensemble.")] = 10,
    seed: Annotated[int, typer.Option(help="Of the patterns and random times.")] = 0,
    json_path: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write everything there.")
    ] = None,
    plot_path: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE", help="Draw it: .png, .svg or .pdf.")
    ] = None,
) -> None:
    """Time each stage, engines side by side, and documents in to predictions out under load."""
    from rich.console import Console

    from ..bench import Arrivals, Part, Plan, plot, run_bench, show

    plan = Plan(
        points=points,
        seconds=seconds,
        arrivals=_one_of(Arrivals, "--arrivals", arrivals),
        paper_way=paper_way,
        members=members,
        seed=seed,
    )
    if part:
        plan = replace(plan, parts=frozenset(_one_of(Part, "--part", name) for name in part))
    given = {"engines": engine, "batches": batch, "loads": load}
    plan = replace(plan, **{name: tuple(value) for name, value in given.items() if value})
    with terminated_as_interrupted():
        report = run_bench(plan)
    console = Console()
    # Into a file or a pipe rich writes 80 columns, where the widest table loses its digits.
    show(report, console if console.is_terminal else Console(width=_WIDTH))
    if json_path is not None:
        json_path.write_text(json.dumps(report.to_json(), indent=1) + "\n", encoding="utf-8")
    if plot_path is not None:
        plot(report, plot_path)


def _one_of(kind: type[_Choice], option: str, text: str) -> _Choice:
    try:
        return kind(text)
    except ValueError:
        known = ", ".join(kind)
        raise ConfigurationError(f"{option} {text!r}: choose one of {known}") from None
