"""``python -m training simulate``: the paper's static set of patterns, in files."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from alphadiffract_stream.errors import AlphaDiffractError, ConfigurationError

from ..curation import open_source
from ..reflections import ReflectionStore
from ..static_set import (
    ShardJob,
    StaticSetSettings,
    jobs_of_store,
    jobs_of_structures,
    write_static_set,
)
from ..structures import ReflectionEngine
from ..tabulation import open_executor, records_of


def simulate(
    source: Annotated[
        Path,
        typer.Argument(help="Reflections (.npz); or structures, which --engine gsas2 needs."),
    ],
    output: Annotated[Path, typer.Option(help="Folder to write the set into.")],
    patterns: Annotated[int, typer.Option(min=1, help="Patterns of each structure.")] = 100,
    engine: Annotated[str, typer.Option(help="builtin, or gsas2 where installed.")] = "builtin",
    exact: Annotated[
        bool, typer.Option("--exact", help="Builtin: peak by peak, not by Fourier transform.")
    ] = False,
    clean: Annotated[
        bool, typer.Option("--clean", help="No noise: left to the data loader, as in the paper.")
    ] = False,
    as_format: Annotated[str, typer.Option("--format", help="hdf5 or zarr.")] = "hdf5",
    seed: Annotated[int, typer.Option()] = 0,
    every: Annotated[int, typer.Option(min=1, help="Take one structure in EVERY.")] = 1,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many structures.")] = None,
    device: Annotated[str, typer.Option(help="Where builtin draws: cpu, cuda.")] = "cpu",
    processes: Annotated[int, typer.Option(min=1)] = os.cpu_count() or 1,
    dask: Annotated[
        str | None, typer.Option(help="Dask scheduler; its workers must see the output folder.")
    ] = None,
) -> None:
    """Patterns of each structure (Table 5, equations 1–3); killed, the same command goes on."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    try:
        settings = StaticSetSettings(
            patterns=patterns,
            seed=seed,
            engine=_one_of("engine", engine, "builtin", "gsas2"),
            exact=exact,
            noise=not clean,
            device=device,
            format=_one_of("format", as_format, "hdf5", "zarr"),
            every=every,
            limit=limit,
        )
        jobs, total = _jobs(source, settings)
        on_gpu = device != "cpu"
        with (
            open_executor(1 if on_gpu else processes, dask) as (executor, workers),
            Progress(*columns, TimeElapsedColumn(), console=console) as bar,
        ):
            task = bar.add_task("structures", total=total)
            shards = write_static_set(
                jobs,
                output.resolve(),
                settings,
                _provenance(source, settings.engine),
                executor,
                workers,
                progress=lambda s: bar.advance(task, len(s.identifier) + len(s.left_out)),
            )
    except (AlphaDiffractError, FileNotFoundError, ImportError) as error:
        console.print(f"[red]{error}")
        raise typer.Exit(1) from None
    left_out = [item for shard in shards for item in shard.left_out]
    table = Table("", "", title=f"Static set {output}", show_header=False)
    table.add_row("structures", f"{sum(len(s.identifier) for s in shards)}")
    table.add_row("patterns", f"{sum(s.patterns for s in shards)}")
    size = sum(f.stat().st_size for f in output.rglob("*") if f.is_file())
    table.add_row("on disk", f"{size / 2**20:.0f} MiB")
    table.add_row("left out", f"{len(left_out)}")
    for name, reason in left_out[:5]:
        table.add_row("", f"{name}: {reason}")
    console.print(table)


def _jobs(source: Path, settings: StaticSetSettings) -> tuple[Iterator[ShardJob], int | None]:
    if source.suffix == ".npz":
        if settings.engine == "gsas2":
            raise ConfigurationError(
                f"--engine gsas2 computes from atoms; {source} has reflections: name structures"
            )
        store = ReflectionStore.load(source)
        count = len(range(0, len(store), settings.every))
        return jobs_of_store(store, settings), min(count, settings.limit or count)
    if settings.engine == "gsas2":
        from ..gsas2 import load_scriptable

        load_scriptable()
    return jobs_of_structures(records_of(open_source(source)), settings), settings.limit


def _one_of(option: str, value: str, *known: str) -> Any:
    if value not in known:
        raise ConfigurationError(f"--{option} {value}: not one of {', '.join(known)}")
    return value


def _provenance(source: Path, engine: ReflectionEngine) -> dict[str, Any]:
    """What the numbers depend on beside the settings."""
    made = {
        "source": source.name,
        "software": f"alphadiffract-stream {version('alphadiffract-stream')}",
        "numpy": version("numpy"),
        "torch": version("torch"),
        "paper": "arXiv 2603.23367, Table 5 and equations (1)-(3)",
    }
    if engine == "gsas2":
        with contextlib.suppress(PackageNotFoundError):  # a conda package has no such record
            made["gsas2"] = version("gsas-ii")
    return made
