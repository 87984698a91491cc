"""``python -m training match``: networks, one memory of theirs, and a judge of what it finds."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from ..deployment import file_sha256
from ..matching import (
    JointNetwork,
    Judge,
    Lines,
    Matching,
    Queries,
    draw_queries,
    fit_judge,
    lines_of,
    open_memory,
    rows_of,
    save_matching,
    shares_right,
)
from ..patterns import KEY, BalancedSampler, Drawer, open_drawer
from ..reflections import ReflectionStore, SymmetryTables
from ..retrieval import Memory
from ..trainer import CHECKPOINT, member_folders, open_network, read_config

CPU = torch.device("cpu")
TESTS = 2048
"""Patterns of known, and of new, crystals that the judge is measured on."""


def match(
    runs: Annotated[list[Path], typer.Argument(help="Run folders of networks with keys.")],
    output: Annotated[Path, typer.Option(help="Folder to write; `export` takes it like a run.")],
    data: Annotated[Path | None, typer.Option(help="Overrides data.reflections.")] = None,
    candidates: Annotated[int, typer.Option(help="Crystals compared with a pattern.")] = 48,
    pool: Annotated[int, typer.Option(help="Nearest ones that they are chosen from.")] = 128,
    lines: Annotated[int, typer.Option(help="Of each crystal.")] = 40,
    patterns: Annotated[int, typer.Option(help="To train the judge on.")] = 64_000,
    epochs: Annotated[int, typer.Option()] = 5,
    theoretical_weight: Annotated[
        float,
        typer.Option(
            min=0.001,
            max=1,
            help="How often crystals that were only computed are drawn, beside measured ones.",
        ),
    ] = 0.25,
    views: Annotated[int, typer.Option(help="Drawings a crystal's key is the mean of.")] = 2,
    distinct: Annotated[
        float, typer.Option(help="Crystals with keys more alike are kept once, given like cells.")
    ] = 0.97,
    seed: Annotated[int, typer.Option()] = 0,
) -> None:
    """Remember the training crystals with all networks' keys and train a judge of candidates.

    Held-out families are neither remembered nor trained on. What is remembered is kept in the
    folder: with the memory there, only the judge is trained anew. What each network alone makes of
    the crystals is kept beside it (keys-….npz), for memories shared with others.
    """
    console = Console(stderr=True)
    folders = member_folders(runs)
    config = read_config(folders[0] / "config.json").on_data(data)
    config = replace(config, data=replace(config.data, theoretical_weight=theoretical_weight))
    network = JointNetwork([open_network(folder) for folder in folders]).eval()
    store = ReflectionStore.load(config.data.reflections)
    symmetry = SymmetryTables.load(config.data.reflections)
    kept, held_out = store.split(config.data.validation_fraction)
    # Of crystals that are the same, the first is remembered: rather the measured one.
    kept = kept[store.theoretical[kept].argsort(kind="stable")]
    clean, measured = (
        open_drawer(config.data.engine, store, symmetry, drawn, CPU)
        for drawn in (KEY, config.data.drawn_with())
    )
    generator = np.random.default_rng(seed + 1)
    with Progress(console=console) as bar:
        task = bar.add_task("remembering crystals", total=len(kept) * len(folders))
        try:
            memory = open_memory(
                output,
                [_keys(run) for run in folders],
                network,
                store,
                kept,
                clean,
                views=views,
                distinct=distinct,
                seed=seed,
                progress=lambda n: bar.advance(task, n),
            )
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--output") from None
        rows = rows_of(memory, store)
        task = bar.add_task("their lines", total=len(rows))
        table = lines_of(store, rows, lines, progress=lambda n: bar.advance(task, n))
        source = _Source(network, memory, table, store, measured, candidates, pool, seed, bar)
        sampler = BalancedSampler(store, kept, theoretical_weight=theoretical_weight)
        chosen = sampler.sample(patterns, seed + 1)
        training = source.queries(chosen, generator.random(patterns) < 0.5, "candidates")
        judge = _judge(training, epochs, seed, bar)
        found = {}
        for name, part in (("known", kept), ("new", held_out)):
            sampler = BalancedSampler(store, part, theoretical_weight=theoretical_weight)
            crystals = np.unique(sampler.sample(min(TESTS, part.size), seed + 2))
            new = np.full(len(crystals), name == "new")
            found[name] = shares_right(judge, source.queries(crystals, new, f"{name} crystals"))
    record = {
        "patterns": len(training),
        "epochs": epochs,
        "seed": seed,
        "theoretical_weight": theoretical_weight,
        "space_group": found,
    }
    save_matching(Matching(memory, table, judge, candidates, pool), folders, output, record)
    # What `export` reads of a run.
    (output / "config.json").write_text(json.dumps(config.as_json(), indent=1), encoding="utf-8")
    console.print(f"{output}: {len(memory)} of {len(kept)} crystals with {lines} lines each")
    for name, shares in found.items():
        console.print(f"{name} crystals, space group right: {shares}")


def _keys(run: Path) -> Path:
    """Where keys by just these weights are kept."""
    return run / f"keys-{file_sha256(run / CHECKPOINT)[:12]}.npz"


@dataclass(frozen=True, slots=True, eq=False)
class _Source:
    """Where queries come from."""

    network: JointNetwork
    memory: Memory
    lines: Lines
    store: ReflectionStore
    drawer: Drawer
    candidates: int
    pool: int
    seed: int
    bar: Progress

    def queries(self, crystals: NDArray[np.int64], new: NDArray[np.bool_], told: str) -> Queries:
        task = self.bar.add_task(told, total=len(crystals))
        return draw_queries(
            self.network,
            self.memory,
            self.lines,
            self.store,
            crystals,
            new,
            self.drawer,
            self.candidates,
            self.pool,
            seed=self.seed + 92_000_000,
            progress=lambda done: self.bar.advance(task, done),
        )


def _judge(queries: Queries, epochs: int, seed: int, bar: Progress) -> Judge:
    task = bar.add_task("training the judge", total=epochs * max(1, len(queries) // 64))
    return fit_judge(queries, epochs=epochs, seed=seed, progress=lambda loss: bar.advance(task, 1))
