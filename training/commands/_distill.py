"""``python -m training distill``: an ensemble into one network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.console import Console

from ..trainer import DistillConfig, read_config
from ..trainer import train as run
from ._train import told, write_config


def distill(
    config: Annotated[Path, typer.Argument(help="TOML file of the student, with [distill].")],
    teacher: Annotated[
        list[Path], typer.Option(help="Run folder, or folder of `training ensemble`; repeatable.")
    ],
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
    threads: Annotated[int | None, typer.Option(help="CPU threads of the network.")] = None,
    data: Annotated[Path | None, typer.Option(help="Overrides data.reflections.")] = None,
    subgroups: Annotated[Path | None, typer.Option(help="Overrides data.subgroups.")] = None,
) -> None:
    """Train a network on an ensemble's answers besides the labels; resumable like `train`.

    The run's configuration records the teachers, so `train` on it goes on as well.
    """
    settings = read_config(config).on_data(data, subgroups)
    lesson = replace(settings.distill or DistillConfig(), teachers=tuple(teacher))
    settings = replace(settings, distill=lesson)
    if threads:
        torch.set_num_threads(threads)
    console = Console(stderr=True)
    write_config(settings, output)
    rows: list[dict[str, Any]] = []

    def show(row: dict[str, Any]) -> None:
        console.print(told(row), soft_wrap=True)
        if "val_divergence" in row:
            rows.append(row)

    run(
        settings,
        output,
        max_seconds=max_seconds,
        max_steps=max_steps,
        finish=finish,
        finish_seconds=finish_seconds,
        start_from=start_from,
        report=show,
    )
    console.print(
        f"KL(teachers ‖ student) of the space group on held-out patterns: "
        f"{rows[0]['val_divergence']:.3f} at step {rows[0]['step']}, "
        f"{rows[-1]['val_divergence']:.3f} at step {rows[-1]['step']}"
    )
