"""``python -m training train``: one configuration file, one run folder.

`training.trainer.__main__` is the same for machines with torch and numpy alone.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.console import Console

from ..trainer import SAVED_EVERY, TrainingConfig, read_config
from ..trainer import train as run


def train(
    config: Annotated[Path, typer.Argument(help="TOML file; see training/configs/.")],
    output: Annotated[Path, typer.Option(help="Folder of the run; resumed if it exists.")],
    max_seconds: Annotated[float, typer.Option(help="Stop (with a checkpoint) after.")] = 1e12,
    max_steps: Annotated[int | None, typer.Option(help="Stop at this step.")] = None,
    finish: Annotated[bool, typer.Option(help="Run the final decay and end.")] = False,
    finish_seconds: Annotated[
        float, typer.Option(help="Decay over the last so many of max-seconds.")
    ] = 0.0,
    start_from: Annotated[
        Path | None, typer.Option(help="Checkpoint whose weights a new run begins with.")
    ] = None,
    save_every: Annotated[float, typer.Option(help="Seconds between checkpoints.")] = SAVED_EVERY,
    threads: Annotated[int | None, typer.Option(help="CPU threads of the network.")] = None,
    data: Annotated[Path | None, typer.Option(help="Overrides data.reflections.")] = None,
    subgroups: Annotated[Path | None, typer.Option(help="Overrides data.subgroups.")] = None,
) -> None:
    """Train a network; killed at any moment it goes on from its last checkpoint."""
    settings = read_config(config).on_data(data, subgroups)
    if threads:
        torch.set_num_threads(threads)
    console = Console(stderr=True)
    write_config(settings, output)
    run(
        settings,
        output,
        max_seconds=max_seconds,
        max_steps=max_steps,
        finish=finish,
        finish_seconds=finish_seconds,
        start_from=start_from,
        saved_every=save_every,
        report=lambda row: console.print(told(row), soft_wrap=True),
    )


def write_config(config: TrainingConfig, folder: Path) -> None:
    """``config.json`` of a run folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(config.as_json(), indent=1)
    (folder / "config.json").write_text(text, encoding="utf-8")


def told(row: dict[str, Any]) -> str:
    """A row of the log on one line."""
    return "  ".join(f"{name} {value}" for name, value in row.items())
