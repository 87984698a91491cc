"""``python -m training match``: networks, one memory of theirs, and a judge of what it finds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from ..matching import (
    JointNetwork,
    Judge,
    Matching,
    Queries,
    draw_queries,
    fit_judge,
    judged,
    lines_of,
    save_matching,
)
from ..patterns import KEY, open_drawer
from ..reflections import ReflectionStore, SymmetryTables
from ..retrieval import MEMORY, Memory, remember, thinned
from ..trainer import member_folders, open_network, read_config

CPU = torch.device("cpu")


def match(
    runs: Annotated[list[Path], typer.Argument(help="Run folders of networks with keys.")],
    output: Annotated[Path, typer.Option(help="Folder to write; `export` takes it like a run.")],
    data: Annotated[Path | None, typer.Option(help="Overrides data.reflections.")] = None,
    candidates: Annotated[int, typer.Option(help="Crystals compared with a pattern.")] = 48,
    lines: Annotated[int, typer.Option(help="Of each crystal.")] = 40,
    patterns: Annotated[int, typer.Option(help="To train the judge on.")] = 32_000,
    epochs: Annotated[int, typer.Option()] = 5,
    views: Annotated[int, typer.Option(help="Drawings a crystal's key is the mean of.")] = 2,
    distinct: Annotated[
        float, typer.Option(help="Crystals with keys more alike are kept once, given like cells.")
    ] = 0.97,
    seed: Annotated[int, typer.Option()] = 0,
) -> None:
    """Remember the training crystals with all networks' keys and train a judge of candidates.

    Held-out families are neither remembered nor trained on. What is remembered is kept in the
    folder: with the memory there, only the judge is trained anew.
    """
    console = Console(stderr=True)
    folders = member_folders(runs)
    config = read_config(folders[0] / "config.json").on_data(data)
    network = JointNetwork([open_network(folder) for folder in folders]).eval()
    store = ReflectionStore.load(config.data.reflections)
    symmetry = SymmetryTables.load(config.data.reflections)
    kept, held_out = store.split(config.data.validation_fraction)
    engine = config.data.engine
    clean = open_drawer(engine, store, symmetry, KEY, CPU)
    drawer = open_drawer(engine, store, symmetry, config.data.drawn_with(), CPU)
    generator = np.random.default_rng(seed + 1)
    with Progress(console=console) as bar:
        task = bar.add_task("remembering crystals", total=len(kept))
        if (output / MEMORY).is_file():
            memory = Memory.load(output / MEMORY)
        else:
            memory = remember(
                network, store, kept, clean, views=views, seed=seed,
                progress=lambda n: bar.advance(task, n),
            )  # fmt: skip
            memory = thinned(memory, distinct)
            output.mkdir(parents=True, exist_ok=True)
            memory.save(output / MEMORY)
        rows = _rows(memory, store)
        task = bar.add_task("their lines", total=len(rows))
        table = lines_of(store, rows, lines, progress=lambda n: bar.advance(task, n))

        def queries(crystals: NDArray[np.int64], new: NDArray[np.bool_], name: str) -> Queries:
            task = bar.add_task(name, total=len(crystals))
            return draw_queries(
                network, memory, table, store, crystals, new, drawer, candidates,
                seed=seed + 92_000_000, progress=lambda n: bar.advance(task, n),
            )  # fmt: skip

        chosen = generator.choice(kept, size=patterns, replace=patterns > kept.size)
        training = queries(chosen, generator.random(len(chosen)) < 0.5, "candidates of patterns")
        task = bar.add_task("training the judge", total=epochs * (len(training) // 64))
        judge = fit_judge(
            training, epochs=epochs, seed=seed, progress=lambda loss: bar.advance(task)
        )
        tests = {
            "known": generator.choice(kept, size=min(2048, kept.size), replace=False),
            "new": generator.choice(held_out, size=min(2048, held_out.size), replace=False),
        }
        found = {
            name: _right(judge, queries(crystals, np.full(len(crystals), name == "new"), name))
            for name, crystals in tests.items()
        }
    record = {"patterns": len(training), "epochs": epochs, "seed": seed, "space_group": found}
    save_matching(Matching(memory, table, judge, candidates), folders, output, record)
    # What `export` reads of a run.
    (output / "config.json").write_text(json.dumps(config.as_json(), indent=1), encoding="utf-8")
    console.print(f"{output}: {len(memory)} of {len(kept)} crystals, {len(table)} tables of lines")
    for name, shares in found.items():
        console.print(f"{name} crystals, space group right: {shares}")


def _rows(memory: Memory, store: ReflectionStore) -> NDArray[np.int64]:
    index = {name: row for row, name in enumerate(store.identifier.tolist())}
    return np.array([index[name] for name in memory.identifier.tolist()])


def _right(judge: Judge, queries: Queries, size: int = 256) -> dict[str, float]:
    """Shares of patterns: by the nearest key, among the candidates, and as judged."""
    right = []
    for first in range(0, len(queries), size):
        part = queries.take(slice(first, first + size))
        right.append(judged(judge, part).group.argmax(dim=1) == part.group)
    alike = queries.candidate_group == queries.group[:, None]
    shares = {
        "nearest key": alike[:, 0],
        "among the candidates": alike.any(dim=1),
        "judged": torch.cat(right),
    }
    return {name: round(float(values.float().mean()), 4) for name, values in shares.items()}
