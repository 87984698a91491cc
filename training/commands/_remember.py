"""``python -m training remember``: the training crystals as a trained network sees them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from rich.console import Console
from rich.progress import Progress

from ..networks import HeadOutputs, Network
from ..patterns import KEY, Batch, Drawer, open_drawer
from ..reflections import ReflectionStore, SymmetryTables
from ..retrieval import GATE, MEMORY, Found, Neighbours, fit_gate, remember, save_gate, thinned
from ..trainer import open_network, read_config

SIZE = 256
CPU = torch.device("cpu")


def remember_command(
    run: Annotated[Path, typer.Argument(help="Run folder of a network with keys.")],
    data: Annotated[Path | None, typer.Option(help="Overrides data.reflections.")] = None,
    views: Annotated[int, typer.Option(help="Drawings a crystal's key is the mean of.")] = 2,
    patterns: Annotated[
        int, typer.Option(help="To fit the gate on; half of known crystals.")
    ] = 4096,
    distinct: Annotated[
        float, typer.Option(help="Crystals with keys more alike are kept once, given like cells.")
    ] = 0.97,
    seed: Annotated[int, typer.Option()] = 0,
) -> None:
    """Write the memory of a run's training crystals, and the gate that weighs what is found.

    Held-out families are never remembered, so held-out metrics stay what they say.
    """
    console = Console(stderr=True)
    config = read_config(run / "config.json").on_data(data)
    network = open_network(run)
    store = ReflectionStore.load(config.data.reflections)
    symmetry = SymmetryTables.load(config.data.reflections)
    kept, held_out = store.split(config.data.validation_fraction)
    engine = config.data.engine
    clean = open_drawer(engine, store, symmetry, KEY, CPU)
    with Progress(console=console) as progress:
        task = progress.add_task("remembering crystals", total=len(kept))
        memory = remember(
            network,
            store,
            kept,
            clean,
            views=views,
            seed=seed,
            progress=lambda done: progress.advance(task, done),
        )
    memory = thinned(memory, distinct)
    memory.save(run / MEMORY)
    drawer = open_drawer(engine, store, symmetry, config.data.drawn_with(), CPU)
    generator = np.random.default_rng(seed + 1)
    half = patterns // 2
    chosen = np.concatenate(
        [
            generator.choice(part, size=min(half, part.size), replace=False)
            for part in (kept, held_out)
        ]
    )
    outputs, found, group = _looked_up(network, Neighbours(memory), drawer, chosen, seed)
    gate = fit_gate(outputs, found, group)
    save_gate(gate, run / GATE)
    right = (found.group[:, 0] == group).float()
    console.print(
        f"{run / MEMORY}: {len(memory)} of {len(kept)} crystals; "
        "the nearest has the right space group for "
        f"{right[:half].mean():.1%} of patterns of known crystals, {right[half:].mean():.1%} of new"
    )


def _looked_up(
    network: Network, neighbours: Neighbours, drawer: Drawer, crystals: np.ndarray, seed: int
) -> tuple[HeadOutputs, Found, torch.Tensor]:
    outputs, found, groups = [], [], []
    for first in range(0, len(crystals), SIZE):
        batch: Batch = drawer.draw(crystals[first : first + SIZE], 91_000_000 + seed + first)
        with torch.no_grad():
            own = network(batch.pattern)
            outputs.append(own)
            found.append(neighbours(own.key))
        groups.append(batch.space_group)
    joined = Found(*(torch.cat(column) for column in zip(*found, strict=True)))
    return HeadOutputs.joined(outputs, torch.cat), joined, torch.cat(groups)
