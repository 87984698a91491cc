"""``python -m training build-engine``: a TensorRT plan for the GPU of this machine."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from alphadiffract_stream.engines import embedded_model
from alphadiffract_stream.errors import AlphaDiffractError, ConfigurationError

from ..serving import (
    BuildOptions,
    TensorRtPlan,
    Tolerance,
    build_engine,
    comparison_patterns,
    write_repository,
)


class Precision(StrEnum):
    """Of convolutions and inner linear layers."""

    HALF = "half"
    SINGLE = "single"


def build_engine_command(
    network: Annotated[
        Path | None, typer.Argument(help="ONNX with its card; default the shipped one.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Plan to write, e.g. model.plan.")] = None,
    triton: Annotated[
        Path | None, typer.Option(help="Or the model repository to write it into.")
    ] = None,
    precision: Annotated[Precision, typer.Option()] = Precision.HALF,
    max_batch: Annotated[int, typer.Option(min=1)] = 256,
    device: Annotated[int, typer.Option(min=0, help="Number of the GPU.")] = 0,
    patterns: Annotated[
        Path | None,
        typer.Option(help="Measured patterns to compare on (NAME.npz); else simulated ones."),
    ] = None,
    timing_cache: Annotated[
        Path | None, typer.Option(help="TensorRT's timings, reused; beside the plan by default.")
    ] = None,
    max_disagreement: Annotated[
        float, typer.Option(min=0, max=1, help="Share of patterns that may be named otherwise.")
    ] = 0.003,
    force: Annotated[bool, typer.Option("--force", help="Build even if the plan fits.")] = False,
) -> None:
    """Build, compare with the ONNX file, and keep the plan only if its answers agree.

    Returns at once where the plan there was built from this network, by this TensorRT, for a GPU
    like this one.
    """
    console = Console(stderr=True)
    source = network or embedded_model()
    options = BuildOptions(precision=precision.value, max_batch=max_batch, device=device)
    try:
        plan = _plan(source, output, triton, max_batch)
        with console.status("TensorRT looks for the fastest kernels"):
            build_engine(
                source,
                plan,
                lambda: comparison_patterns(patterns),
                options,
                timing_cache=timing_cache,
                tolerance=Tolerance(disagreement=max_disagreement),
                force=force,
                say=console.print,
            )
    except AlphaDiffractError as error:
        typer.secho(f"error: {error}", err=True, fg=typer.colors.RED)
        sys.exit(1)


def _plan(network: Path, output: Path | None, triton: Path | None, max_batch: int) -> Path:
    """Where the plan goes; the repository around it is written first."""
    if (output is None) == (triton is None):
        raise ConfigurationError("give --output PLAN or --triton FOLDER")
    if output is not None:
        return output
    assert triton is not None
    model = TensorRtPlan(max_batch=max_batch, profiles=1 if max_batch == 1 else 2)
    (place,) = write_repository(triton, network, [model])
    return place / "1" / model.plan
