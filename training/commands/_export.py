"""``python -m training export``: runs → one deployable ONNX with its card."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.console import Console

from ..deployment import DeployedEnsemble, calibrate, export_onnx, write_card
from ..networks import HeadOutputs, build
from ..patterns import open_drawer
from ..reflections import ReflectionStore, SymmetryTables
from ..trainer import TrainingConfig, held_out_patterns, load_average, read_config, validate

PATHS = frozenset({"reflections", "subgroups"})


def export(
    runs: Annotated[list[Path], typer.Argument(help="Run folders: the members.")],
    output: Annotated[Path, typer.Option(help="ONNX file to write; the card goes beside it.")],
    name: Annotated[str, typer.Option()] = "alphadiffract-compact",
    version: Annotated[str, typer.Option()] = "0.1.0",
    training_set: Annotated[str, typer.Option()] = (
        "Materials Project (CC BY 4.0), simulated patterns"
    ),
    patterns: Annotated[int, typer.Option(help="Held-out patterns to calibrate on.")] = 4096,
    data: Annotated[Path | None, typer.Option(help="Overrides data.reflections.")] = None,
) -> None:
    """Calibrate the members on held-out patterns and write them as one graph."""
    console = Console(stderr=True)
    config = _config(runs[0]).on_data(data)
    config = replace(config, data=replace(config.data, validation_patterns=patterns))
    store = ReflectionStore.load(config.data.reflections)
    drawer = open_drawer(
        config.data.engine,
        store,
        SymmetryTables.load(config.data.reflections),
        config.data.drawn_with(),
        torch.device("cpu"),
    )
    _, held_out = store.split(config.data.validation_fraction)
    batches = held_out_patterns(drawer, held_out, config)
    members = [load_average(run / "checkpoint.pt", build(_config(run).network)) for run in runs]
    with torch.no_grad():
        outputs = [[member(b.pattern) for b in batches] for member in members]
    pooled = [HeadOutputs(*(torch.cat(parts) for parts in zip(*o, strict=True))) for o in outputs]
    labels = [
        torch.cat([getattr(b, field) for b in batches])
        for field in ("crystal_system", "space_group", "lattice")
    ]
    calibration = calibrate(pooled, *labels)
    graph = DeployedEnsemble(members, calibration)
    difference = export_onnx(graph, output, batches[0].pattern[:32])
    metrics = {
        "held_out_simulated": {
            key: round(value, 4)
            for key, value in validate(members[0], batches, torch.device("cpu")).items()
        }
    }
    card = write_card(
        output,
        graph,
        calibration,
        name=name,
        version=version,
        training_set=f"{training_set}: {len(store)} structures",
        metrics=metrics,
        config=_without_paths(config),
    )
    console.print(
        f"{output}: {output.stat().st_size / 2**20:.1f} MiB, {card.parameters} parameters"
    )
    console.print(f"largest difference to torch {difference:.1e}; temperatures {card.temperature}")
    console.print(metrics)


def _config(run: Path) -> TrainingConfig:
    return read_config(run / "config.json")


def _without_paths(config: TrainingConfig) -> dict[str, Any]:
    values = config.as_json()
    return {**values, "data": {k: v for k, v in values["data"].items() if k not in PATHS}}
