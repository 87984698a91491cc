"""``python -m training quantize``: an exported network made quick on processors, beside itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import onnx
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from alphadiffract_stream.crystal import crystal_system_index
from alphadiffract_stream.engines import Engine, open_engine
from alphadiffract_stream.prediction import ModelCard, Outputs

from ..deployment import (
    has_memory,
    in_eight_bits,
    renew_card,
    with_inverted_file,
)
from ..evaluation import LabelledSet, Paired, Structures, paired_share, predict_with
from ..reflections import ReflectionStore, SymmetryTables

SEED = 20_27
"""Of the crystals ranges are measured on, and of the known ones compared."""


def quantize(
    network: Annotated[Path, typer.Argument(help="ONNX file of `training export`.")],
    output: Annotated[Path, typer.Option(help="ONNX file to write; the card goes beside it.")],
    data: Annotated[Path, typer.Option(help="Reflections of the training structures.")],
    examples: Annotated[int, typer.Option(help="Patterns the ranges are measured on.")] = 512,
    patterns: Annotated[
        int, typer.Option(help="New, and known, patterns the two are compared on.")
    ] = 3072,
    most_lost: Annotated[
        float,
        typer.Option(help="Points of right answers it may surely lose: beyond its 95 % interval."),
    ] = 0.5,
    whole_memory: Annotated[
        bool, typer.Option("--whole-memory", help="Compare with all remembered crystals.")
    ] = False,
) -> None:
    """Put convolutions into eight bits and the memory into cells, and say what that costs.

    Of a large memory only the nearest cells are read for a pattern. A network that loses too many
    right answers so is not kept.
    """
    console = Console(stderr=True)
    structures = Structures(ReflectionStore.load(data), SymmetryTables.load(data))
    card = ModelCard.read(network)
    fraction = float(card.config.get("data", {}).get("validation_fraction", 0.05))
    kept, _ = structures.store.split(fraction)
    generator = np.random.default_rng(SEED)

    def known(count: int, name: str) -> LabelledSet:
        crystals = generator.choice(kept, size=min(count, kept.size), replace=False)
        return structures.drawn(crystals, "measured", name)

    calibration = np.stack([p.intensity for p in known(examples, "ranges").patterns])
    nodes = in_eight_bits(network, output, calibration.astype(np.float32))
    in_part = not whole_memory and _put_into_cells(output)
    card = renew_card(card, output)
    sets = [structures.held_out("measured", patterns, fraction=fraction), known(patterns, "known")]
    before, after = open_engine(f"onnx:{network}"), open_engine(f"onnx:{output}")
    costs: dict[str, Any] = {"layers": len(nodes), "examples": len(calibration)}
    costs["memory_read"] = "in part" if in_part else "as a whole"
    shares: list[Paired] = []
    with Progress(console=console, transient=True) as progress:
        for one in sets:
            task = progress.add_task(one.name, total=len(one))
            told = _compared(before, after, one, lambda n, task=task: progress.advance(task, n))
            costs[one.name], rows = told
            shares += rows.values()
            console.print(_table(one, rows))
    surely = -100 * min(row.difference + row.interval for row in shares)
    if surely > most_lost:
        output.unlink()
        output.with_suffix(".json").unlink()
        console.print(
            f"loses {surely:.2f} points or more, over --most-lost {most_lost:g}: not kept"
        )
        raise typer.Exit(1)
    renew_card(card, output, metrics=card.metrics | {"eight_bits": costs})
    size, was = (path.stat().st_size / 2**20 for path in (output, network))
    console.print(
        f"{output}: {size:.1f} MiB ({was:.1f} before), {len(nodes)} layers in eight bits, "
        f"memory read {costs['memory_read']}"
    )


def _put_into_cells(network: Path) -> bool:
    """Whether there is a memory large enough for it."""
    model = onnx.load(network)
    if not has_memory(model):
        return False
    in_cells = with_inverted_file(model)
    if in_cells is model:
        return False
    onnx.save(in_cells, network)
    return True


def _compared(
    before: Engine, after: Engine, labelled: LabelledSet, progress: Callable[[int], None]
) -> tuple[dict[str, Any], dict[str, Paired]]:
    """What the second does to the first's answers; shares of right ones, paired by pattern."""
    first, second = predict_with([before, after], labelled, progress=progress)
    system = np.array([crystal_system_index(int(number)) for number in labelled.space_group])
    truth = {"space_group": labelled.space_group - 1, "crystal_system": system}
    rows = {
        name: paired_share(_right(first, name, target), _right(second, name, target))
        for name, target in truth.items()
    }
    same = np.mean(first.space_group.argmax(axis=1) == second.space_group.argmax(axis=1))
    numbers = {
        name: {k: round(v, 5) for k, v in row.as_dict().items()} for name, row in rows.items()
    }
    return {"patterns": len(labelled), "same_space_group": round(float(same), 4), **numbers}, rows


def _right(outputs: Outputs, name: str, target: NDArray[np.int64]) -> NDArray[np.bool_]:
    return getattr(outputs, name).argmax(axis=1) == target


def _table(labelled: LabelledSet, rows: dict[str, Paired]) -> Table:
    table = Table(title=f"{labelled.name}: {len(labelled)} patterns, right")
    for column in ("", "float32", "eight bits", "difference (95 %)"):
        table.add_column(column)
    for name, row in rows.items():
        told = f"{100 * row.difference:+.2f} ± {100 * row.interval:.2f}"
        table.add_row(name, f"{row.first:.2%}", f"{row.second:.2%}", told)
    return table
