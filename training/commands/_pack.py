"""``python -m training pack``: reflections and symmetry tables in one small file."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console

from ..patterns import PAPER
from ..patterns.device import largest_difference
from ..reflections import ReflectionStore, SymmetryTables, write_pack
from ..trainer import graph_distances


def pack(
    reflections: Annotated[Path, typer.Argument(help="What `training reflections` wrote.")],
    subgroups: Annotated[Path, typer.Option(help="maxsub_edges.json.")],
    output: Annotated[Path, typer.Option(help="File to write.")] = Path("data/pack.npz"),
    sample: Annotated[int, typer.Option(help="Patterns compared before and after.")] = 512,
) -> None:
    """Pack tables for a machine with torch and numpy alone, and say what the packing cost."""
    console = Console(stderr=True)
    store = ReflectionStore.load(reflections)
    symmetry = SymmetryTables.derived(graph_distances(subgroups).astype(np.int8))
    output.parent.mkdir(parents=True, exist_ok=True)
    write_pack(store, symmetry, output)
    began = time.perf_counter()
    packed = ReflectionStore.load(output)
    seconds = time.perf_counter() - began
    crystals = np.random.default_rng(0).choice(len(store), min(sample, len(store)), replace=False)
    worst, mean = largest_difference(store, packed, symmetry, PAPER, crystals)
    size = output.stat().st_size / 2**20
    console.print(f"{output}: {len(store)} crystals, {len(store.hkl)} reflections, {size:.1f} MiB")
    console.print(f"read in {seconds:.1f} s")
    console.print(
        f"noise-free patterns of {len(crystals)} crystals differ by at most {worst:.1e} "
        f"of their maximum (mean of the largest differences {mean:.1e})"
    )
