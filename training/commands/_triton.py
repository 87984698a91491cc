"""``python -m training triton``: the model repository a Triton server loads."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from alphadiffract_stream.engines import embedded_model

from ..serving import OnnxOnCpu, TensorRtPlan, write_repository


def triton(
    folder: Annotated[Path, typer.Argument(help="Model repository to write, e.g. triton_models.")],
    network: Annotated[
        Path | None, typer.Option(help="ONNX with its card; default the shipped one.")
    ] = None,
    version: Annotated[int, typer.Option(min=1, help="Version folder to write.")] = 1,
    gpu_instances: Annotated[int, typer.Option(min=1, help="Contexts on each GPU.")] = 2,
    cpu_instances: Annotated[int, typer.Option(min=1, help="Processes on the CPU.")] = 1,
    threads: Annotated[int, typer.Option(min=1, help="Of each process on the CPU.")] = 1,
) -> None:
    """Write configuration, labels and files of `alphadiffract` (GPU) and `alphadiffract_cpu`.

    The GPU model's plan is built where it is to run: `build-engine --triton FOLDER`.
    """
    models = [
        TensorRtPlan(instances=gpu_instances),
        OnnxOnCpu(instances=cpu_instances, threads=threads),
    ]
    for place in write_repository(folder, network or embedded_model(), models, version):
        Console(stderr=True).print(f"{place}: written")
