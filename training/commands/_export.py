"""``python -m training export``: runs → one deployable ONNX with its card."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.console import Console
from rich.progress import track

from ..deployment import (
    Calibration,
    DeployedEnsemble,
    calibrate_whole,
    export_onnx,
    held_out_metrics,
    read_calibration,
    rounded_to_half,
    write_card,
)
from ..ensembles import FusedMembers, Members
from ..matching import WithMatching
from ..networks import HeadOutputs
from ..patterns import Batch, joined, open_drawer
from ..reflections import ReflectionStore, SymmetryTables
from ..retrieval import WithMemory
from ..serving import write_repository
from ..trainer import (
    TrainingConfig,
    held_out_patterns,
    member_folders,
    open_members,
    read_config,
)

PATHS = frozenset({"reflections", "subgroups"})
EXAMPLES = 32
"""Patterns on which the file is compared with torch."""


def export(
    runs: Annotated[
        list[Path], typer.Argument(help="Run folders, or folders of `training ensemble`.")
    ],
    output: Annotated[Path, typer.Option(help="ONNX file to write; the card goes beside it.")],
    name: Annotated[str, typer.Option()] = "alphadiffract-compact",
    version: Annotated[str, typer.Option()] = "0.1.0",
    training_set: Annotated[str, typer.Option()] = (
        "Materials Project (CC BY 4.0), simulated patterns"
    ),
    patterns: Annotated[int, typer.Option(help="Held-out patterns to calibrate on.")] = 4096,
    fused: Annotated[
        bool, typer.Option(help="Members of one architecture as one wide network, for a GPU.")
    ] = False,
    portable: Annotated[
        bool, typer.Option(help="Look memories up in floats: for TensorRT; slower on a CPU.")
    ] = False,
    data: Annotated[Path | None, typer.Option(help="Overrides data.reflections.")] = None,
    calibration_file: Annotated[
        Path | None,
        typer.Option("--calibration", help="Of `training calibrate`; in place of the fit here."),
    ] = None,
    triton: Annotated[
        Path | None, typer.Option(help="Also write this model repository for a Triton server.")
    ] = None,
) -> None:
    """Calibrate the members on held-out patterns and write them as one graph."""
    console = Console(stderr=True)
    folders = member_folders(runs)
    configs = [read_config(folder / "config.json") for folder in folders]
    config = configs[0].on_data(data)
    networks = [rounded_to_half(network) for network in open_members(folders)]
    plain_networks = [n for n in networks if not isinstance(n, WithMemory | WithMatching)]
    remembering = len(plain_networks) < len(networks)
    if fused and remembering:
        raise typer.BadParameter("members with a memory cannot be fused", param_hint="--fused")
    for network in networks:
        if isinstance(network, WithMemory | WithMatching):
            network.neighbours.integer = not portable
    members = Members(networks)
    # Before the long part: members that cannot be fused are refused at once.
    chosen = FusedMembers(plain_networks) if fused else members
    # What remembers crystals meets them too: new and known ones alike, as nobody knows the shares.
    (held_out, *known), structures = _patterns(config, patterns, known=remembering)
    outputs, *seen = (_outputs(members, batch, console) for batch in (held_out, *known))
    calibration, scale = _calibrated([outputs, *seen], [held_out, *known])
    if calibration_file is not None:
        calibration = read_calibration(calibration_file, calibration)
    plain = DeployedEnsemble(members, calibration, scale)
    graph = DeployedEnsemble(chosen, calibration, scale)
    difference = export_onnx(graph, output, held_out.pattern[:EXAMPLES], plain)
    metrics = {"held_out_simulated": held_out_metrics(plain, outputs, held_out)}
    if remembering:
        metrics["known_simulated"] = held_out_metrics(plain, seen[0], known[0])
    card = write_card(
        output,
        graph,
        calibration,
        name=name,
        version=version,
        training_set=f"{training_set}: {structures} structures",
        metrics=metrics,
        config=_without_paths(config)
        | {"members": [{"name": c.name, "seed": c.seed} for c in configs], "fused": fused}
        | {"prior": calibration.prior, "prior_strength": round(calibration.prior_strength, 4)},
    )
    console.print(
        f"{output}: {output.stat().st_size / 2**20:.1f} MiB, {card.members} members, "
        f"{card.parameters} parameters"
    )
    console.print(
        f"largest difference to the members in torch {difference:.1e}; "
        f"temperatures {card.temperature}"
    )
    console.print(metrics)
    if triton is not None:
        write_repository(triton, output)
        console.print(f"{triton}: model repository; see `build-engine --triton` for the GPU's plan")


def _patterns(config: TrainingConfig, patterns: int, *, known: bool) -> tuple[list[Batch], int]:
    """Of families never trained on, then of `known` crystals; and how many structures there are."""
    config = replace(config, data=replace(config.data, validation_patterns=patterns))
    store = ReflectionStore.load(config.data.reflections)
    symmetry = SymmetryTables.load(config.data.reflections)
    drawn_with, device = config.data.drawn_with(), torch.device("cpu")
    drawer = open_drawer(config.data.engine, store, symmetry, drawn_with, device)
    kept, held_out = store.split(config.data.validation_fraction)
    sets = [held_out, kept] if known else [held_out]
    batches = [joined(held_out_patterns(drawer, store, crystals, config)) for crystals in sets]
    return batches, len(store)


def _calibrated(
    outputs: list[HeadOutputs], batches: list[Batch]
) -> tuple[Calibration, tuple[float, ...] | None]:
    """On all of them together."""
    whole = HeadOutputs.joined(outputs, lambda columns: torch.cat(columns, dim=1))
    batch = joined(batches)
    return calibrate_whole(whole, batch.crystal_system, batch.space_group, batch.lattice)


def _outputs(members: Members, batch: Batch, console: Console) -> HeadOutputs:
    """(M, N, ·) of all patterns."""
    told = f"{len(members)} members on held-out patterns"
    with torch.no_grad():
        pieces = track(batch.pattern.split(256), told, console=console)
        parts = [members(piece) for piece in pieces]
    return HeadOutputs.joined(parts, lambda columns: torch.cat(columns, dim=1))


def _without_paths(config: TrainingConfig) -> dict[str, Any]:
    values = config.as_json()
    values.pop("distill", None)
    return {**values, "data": {k: v for k, v in values["data"].items() if k not in PATHS}}
