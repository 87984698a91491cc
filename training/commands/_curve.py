"""``python -m training curve``: what runs learnt, as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from ..trainer import read_metrics

PANELS = {
    "loss": ("total", "soft"),
    "its parts": ("system", "group", "gemd", "lattice"),
    "held-out accuracy": ("val_system", "val_group", "val_group_top5"),
}
FINEST = 400
"""Points of a curve; finer ones are averaged, so that a long run can be read."""


def curve(
    runs: Annotated[list[Path], typer.Argument(help="Run folders.")],
    output: Annotated[
        Path | None, typer.Option(help="PNG; default curve.png in the first folder.")
    ] = None,
) -> None:
    """Draw losses and held-out accuracy over steps; several runs in one picture."""
    path = output or runs[0] / "curve.png"
    draw_curves({run.name: read_metrics(run) for run in runs}, path)
    Console(stderr=True).print(f"{path}")


def draw_curves(runs: dict[str, list[dict[str, Any]]], path: Path) -> None:
    """`runs`: rows of ``metrics.jsonl`` by name. Raises ValueError where there are none."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if not any(runs.values()):
        raise ValueError("nothing to draw: the runs have no rows in metrics.jsonl yet")
    figure = Figure(figsize=(13, 4), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, (title, names) in zip(figure.subplots(1, 3), PANELS.items(), strict=True):
        for number, (run, rows) in enumerate(runs.items()):
            for index, name in enumerate(names):
                steps, values = thinned([(r["step"], r[name]) for r in rows if name in r])
                if steps:
                    label = name if len(runs) == 1 else f"{run}: {name}"
                    axes.plot(
                        steps,
                        values,
                        color=f"C{index}",
                        linestyle=("-", "--", ":", "-.")[number % 4],
                        marker="." if len(steps) < 3 else "",
                        label=label,
                    )
        axes.set(title=title, xlabel="step")
        if axes.has_data():
            axes.legend(fontsize="small")
    figure.savefig(path, dpi=120)


def thinned(points: list[tuple[int, float]]) -> tuple[list[float], list[float]]:
    """At most `FINEST` points, each a mean over neighbours."""
    size = -(-len(points) // FINEST) or 1
    groups = [points[i : i + size] for i in range(0, len(points), size)]
    means = [[sum(column) / len(group) for column in zip(*group, strict=True)] for group in groups]
    return [m[0] for m in means], [m[1] for m in means]
