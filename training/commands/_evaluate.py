"""``python -m training evaluate``: a network on labelled patterns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from alphadiffract_stream.engines import open_engine

from ..evaluation import evaluate_outputs, load_labelled, metrics_table, predict_set
from ..trainer import graph_distances


def evaluate(
    data: Annotated[list[Path], typer.Option(help="NAME.npz with NAME.json beside it.")],
    network: Annotated[Path | None, typer.Option(help="ONNX; default the shipped one.")] = None,
    subgroups: Annotated[
        Path | None, typer.Option(help="maxsub_edges.json; found beside the data by default.")
    ] = None,
    background: Annotated[
        str | None, typer.Option(help="Background removal for raw patterns, e.g. snip.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON only.")] = False,
) -> None:
    """Accuracy, calibration and lattice errors over every pattern of each data set."""
    engine = open_engine(f"onnx:{network}" if network else "onnx:")
    console = Console(stderr=as_json)
    results = {}
    for path in data:
        labelled = load_labelled(path)
        outputs = predict_set(engine, labelled, background=background)
        edges = subgroups or path.resolve().parents[1] / "spacegroups" / "maxsub_edges.json"
        distances = graph_distances(edges) if edges.is_file() else None
        metrics = evaluate_outputs(outputs, labelled.space_group, labelled.niggli, distances)
        results[labelled.name] = metrics.as_dict()
        console.print(metrics_table(metrics, f"{engine.card.name} on {labelled.name}"))
    if as_json:
        typer.echo(json.dumps(results, indent=1))
