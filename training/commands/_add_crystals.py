"""``python -m training add-crystals``: a network recognises one's own crystals, untrained."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import onnx
import torch
import typer
from numpy.typing import NDArray
from rich.console import Console

from alphadiffract_stream.engines import embedded_model, open_engine
from alphadiffract_stream.prediction import ModelCard, network_bytes

from ..deployment import GraphMemory, quantised_keys, renew_card
from ..evaluation import Structures, paired_share, predict_with
from ..matching import Lines, lines_of
from ..patterns import KEY, open_drawer
from ..reflections import ReflectionStore, SymmetryTables
from ..retrieval import Remembered, known

VIEWS = 2
SEED = 20_28


def add_crystals(
    reflections: Annotated[
        Path, typer.Argument(help="Of your crystals: `training curate`, then `reflections`.")
    ],
    output: Annotated[Path, typer.Option(help="ONNX file to write; the card goes beside it.")],
    network: Annotated[
        Path | None, typer.Option(help="Network with a memory; the embedded one by default.")
    ] = None,
    name: Annotated[str, typer.Option(help="Of the new network; as it was by default.")] = "",
    source: Annotated[str, typer.Option(help="Where the crystals are from, for the card.")] = "own",
) -> None:
    """Put crystals into a network's memory. Seconds; nothing is trained.

    Those it remembers already are left out. How often each new crystal's space group is found in
    patterns as measured, before and after, is drawn and told.
    """
    console = Console(stderr=True)
    path = network or embedded_model()
    store, symmetry = ReflectionStore.load(reflections), SymmetryTables.load(reflections)
    try:
        memory = GraphMemory(onnx.load_from_string(network_bytes(path)))
    except ValueError as error:
        raise typer.BadParameter(f"{path}: {error}", param_hint="--network") from None
    crystals = _remembered(memory, store, symmetry)
    new = ~known(crystals, memory.content)
    for row in np.flatnonzero(~new):
        console.print(f"known already: {store.identifier[row]}")
    if not new.any():
        console.print("the network knows all of them: nothing written")
        raise typer.Exit(1)
    output.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(
        memory.holding(memory.content + crystals.take(new), _lines(memory, store, new)), output
    )
    card = ModelCard.read(path)
    card = renew_card(
        card,
        output,
        name=name or card.name,
        version=f"{card.version}+{new.sum()}crystals",
        training_set=f"{card.training_set}; and {new.sum()} crystals ({source}) remembered",
    )
    console.print(
        f"{output}: {new.sum()} crystals added to {len(memory.content)}, "
        f"{output.stat().st_size / 2**20:.1f} MiB, {card.name} {card.version}"
    )
    _compare(console, Structures(store, symmetry), np.flatnonzero(new), path, output)


def _remembered(
    memory: GraphMemory, store: ReflectionStore, symmetry: SymmetryTables
) -> Remembered:
    """All crystals of `store` as the network sees them clean."""
    drawer = open_drawer("auto", store, symmetry, KEY, torch.device("cpu"))
    drawn = [drawer.draw(np.arange(len(store)), SEED + view) for view in range(VIEWS)]
    keys = np.stack([memory.keys(batch.pattern.numpy()) for batch in drawn])
    group = drawn[0].space_group.numpy().astype(np.uint8)
    return Remembered(quantised_keys(keys), group, drawn[0].lattice.numpy().astype(np.float16))


def _lines(memory: GraphMemory, store: ReflectionStore, new: NDArray[np.bool_]) -> Lines | None:
    """Of what is remembered and of what is new; None where the network compares none."""
    if memory.lines is None:
        return None
    return memory.lines + lines_of(store, np.flatnonzero(new), memory.lines.place.shape[1])


def _compare(
    console: Console,
    structures: Structures,
    crystals: NDArray[np.int64],
    before: Path,
    after: Path,
    most: int = 512,
) -> None:
    draws = max(1, min(8, most // len(crystals)))
    chosen = np.repeat(crystals[:most], draws)
    labelled = structures.drawn(chosen, "measured", "own crystals")
    engines = [open_engine(f"onnx:{path}") for path in (before, after)]
    truth = labelled.space_group - 1
    right = [o.space_group.argmax(axis=1) == truth for o in predict_with(engines, labelled)]
    row = paired_share(*right)
    console.print(
        f"space group right in {len(labelled)} patterns drawn of them as measured: "
        f"{row.first:.1%} before, {row.second:.1%} now"
    )
