"""``python -m training export``: runs → one deployable ONNX with its card."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.console import Console

from ..deployment import DeployedEnsemble, calibrate, export_onnx, write_card
from ..networks import HeadOutputs, build
from ..patterns import PatternDrawer
from ..reflections import ReflectionStore
from ..trainer import TrainingConfig, held_out_patterns, load_average, validate


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
    config = _config(runs[0])
    store = ReflectionStore.load(data or config.data.reflections)
    drawer = PatternDrawer(store, config.data.drawn_with())
    _, held_out = store.split(config.data.validation_fraction)
    config.data.validation_patterns = patterns
    batches = held_out_patterns(drawer, held_out, config)
    members = [load_average(run / "checkpoint.pt", build(_config(run).network)) for run in runs]
    with torch.no_grad():
        outputs = [[member(torch.from_numpy(b.pattern)) for b in batches] for member in members]
    pooled = [HeadOutputs(*(torch.cat(parts) for parts in zip(*o, strict=True))) for o in outputs]
    labels = [
        torch.cat([torch.from_numpy(getattr(b, field)) for b in batches])
        for field in ("crystal_system", "space_group", "lattice")
    ]
    calibration = calibrate(pooled, *labels)
    graph = DeployedEnsemble(members, calibration)
    difference = export_onnx(graph, output, torch.from_numpy(batches[0].pattern[:32]))
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
        config=config.model_dump(mode="json", exclude={"data": {"reflections", "subgroups"}}),
    )
    console.print(
        f"{output}: {output.stat().st_size / 2**20:.1f} MiB, {card.parameters} parameters"
    )
    console.print(f"largest difference to torch {difference:.1e}; temperatures {card.temperature}")
    console.print(metrics)


def _config(run: Path) -> TrainingConfig:
    return TrainingConfig.model_validate_json((run / "config.json").read_text(encoding="utf-8"))
