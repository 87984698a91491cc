"""``python -m training ensemble``: members trained one after another, or collected."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from ..trainer import (
    ENSEMBLE,
    TrainingConfig,
    checkpoint_progress,
    member_folders,
    read_config,
    read_metrics,
)
from ..trainer import train as run
from ._train import told, write_config


def ensemble(
    configs: Annotated[
        list[Path] | None, typer.Argument(help="TOML files; each makes members.")
    ] = None,
    output: Annotated[Path, typer.Option(help="Folder of the ensemble.")] = Path("runs/ensemble"),
    members: Annotated[int, typer.Option(min=1, help="Seeds of each configuration.")] = 1,
    collect: Annotated[
        list[Path] | None, typer.Option(help="Folder of a run that exists; repeatable.")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="Of each member, before the stable schedule's decay.")
    ] = None,
    seconds: Annotated[float, typer.Option(help="For each member, or fewer by --steps.")] = 1e12,
    finish_seconds: Annotated[
        float, typer.Option(help="Decay over the last so many of --seconds.")
    ] = 0.0,
    threads: Annotated[int | None, typer.Option(help="CPU threads of the network.")] = None,
    data: Annotated[Path | None, typer.Option(help="Overrides data.reflections.")] = None,
    subgroups: Annotated[Path | None, typer.Option(help="Overrides data.subgroups.")] = None,
) -> None:
    """Train members that differ in seed (and configuration), and collect runs that exist.

    The same command goes on where it was stopped or killed: finished members are left alone. What
    belongs to the ensemble stands in ensemble.json, which `export` and `distill` take by its
    folder.
    """
    if configs and steps is None and seconds >= 1e12:
        raise typer.BadParameter("say when a member is done: --steps or --seconds")
    if not configs and not collect:
        raise typer.BadParameter("name configurations to train, or runs to --collect")
    if threads:
        torch.set_num_threads(threads)
    console = Console(stderr=True)
    output.mkdir(parents=True, exist_ok=True)
    rows = [_row(folder, output) for folder in member_folders(collect or [])]
    planned = list(_planned(configs or [], members, output))
    with progress_bars(console) as progress:
        tasks = [progress.add_task(f.name, total=None, told="waiting") for f, _ in planned]
        for (folder, config), task in zip(planned, tasks, strict=True):
            config = config.on_data(data, subgroups)
            show = Shown(progress, task, steps)
            if not is_finished(folder):
                done = train_member(config, folder, steps, seconds, finish_seconds, show)
                if not done:
                    _write(rows, output)
                    console.print(f"stopped in {folder}; the same command goes on")
                    raise typer.Exit(1)
            show.end(read_metrics(folder))
            rows.append(_row(folder, output))
            _write(rows, output)
    _write(rows, output)
    console.print(f"{output / ENSEMBLE}: {len(rows)} members")


def _planned(
    configs: list[Path], members: int, output: Path
) -> Iterator[tuple[Path, TrainingConfig]]:
    """Folders and configurations; seeds count up from the configuration's own."""
    for path in configs:
        config = read_config(path)
        for i in range(members):
            seed = config.seed + i
            yield output / f"{path.stem}-{seed}", replace(config, seed=seed)


def train_member(
    config: TrainingConfig,
    folder: Path,
    steps: int | None,
    seconds: float,
    finish_seconds: float,
    show: Shown,
    start_from: Path | None = None,
) -> bool:
    """Train a member in its own folder; whether it is done: False when it was asked to stop.

    Time already spent on it counts, so that a killed member is not given more than the others.
    """
    write_config(config, folder)
    step, spent, finishing = checkpoint_progress(folder)
    if not finishing and (steps is None or step < steps):
        left = max(0.0, seconds - spent)
        run(
            config,
            folder,
            max_seconds=left,
            finish_seconds=finish_seconds,
            max_steps=steps,
            start_from=start_from,
            report=show,
        )
        step = checkpoint_progress(folder)[0]
    decays = config.schedule.kind == "stable" and (finishing or step == steps)
    if decays and not show.stopped and not finish_seconds:
        run(config, folder, finish=True, report=show)
    if show.stopped:
        return False
    (folder / "finished").touch()
    return True


def is_finished(folder: Path) -> bool:
    """Whether `train_member` came to its end there."""
    return (folder / "finished").is_file()


def _row(folder: Path, output: Path) -> dict[str, Any]:
    """What ensemble.json says of a member."""
    config = read_config(folder / "config.json")
    rows = read_metrics(folder) if (folder / "metrics.jsonl").is_file() else []
    last = next((r for r in reversed(rows) if "val_group" in r), {})
    return {
        "folder": os.path.relpath(folder.resolve(), output.resolve()),
        "name": config.name,
        "seed": config.seed,
        "step": checkpoint_progress(folder)[0],
        **{k: v for k, v in last.items() if k.startswith("val_")},
    }


def _write(rows: list[dict[str, Any]], output: Path) -> None:
    part = output / f"{ENSEMBLE}.part"
    part.write_text(json.dumps({"members": rows}, indent=1) + "\n", encoding="utf-8")
    part.replace(output / ENSEMBLE)


@contextmanager
def progress_bars(console: Console) -> Iterator[Progress]:
    """A bar a member."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[told]}"),
    )
    with Progress(*columns, console=console) as progress:
        yield progress


class Shown:
    """One member's rows, on its own bar."""

    def __init__(self, progress: Progress, task: TaskID, steps: int | None) -> None:
        self._progress, self._task, self._steps = progress, task, steps
        self._told: dict[str, str] = {}
        self.stopped = False

    def __call__(self, row: dict[str, Any]) -> None:
        if "step" not in row:
            self._progress.update(self._task, told=told(row))
            return
        self.stopped = self.stopped or bool(row.get("stopped"))
        for name, short in (("total", "loss"), ("val_system", "system"), ("val_group", "group")):
            if name in row:
                self._told[short] = f"{short} {row[name]:.3f}"
        line = f"step {row['step']}  " + "  ".join(self._told.values())
        self._progress.update(self._task, completed=row["step"], total=self._steps, told=line)

    def end(self, rows: list[dict[str, Any]]) -> None:
        """Its bar is full."""
        last: dict[str, Any] = {}
        for row in rows:
            last.update(row)
        if "step" in last:
            self({**last, "stopped": False})
            step = last["step"]
            self._progress.update(self._task, completed=step, total=step)
