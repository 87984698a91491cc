"""``python -m training split``: a network in pieces that a repository takes."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from alphadiffract_stream.prediction import network_bytes, write_pieces


def split(
    network: Annotated[Path, typer.Argument(help="ONNX file with its card.")],
    output: Annotated[Path, typer.Option(help="Its name in pieces: NAME.onnx.0, .1 …")],
) -> None:
    """Write a network as files of at most 16 MiB. Engines and commands read them as NAME.onnx."""
    console = Console(stderr=True)
    try:
        content = network_bytes(network)
    except FileNotFoundError as error:
        console.print(f"[red]{error}", soft_wrap=True)
        raise typer.Exit(2) from None
    if output.is_file():
        console.print(f"[red]{output}: a whole network is there; pieces would not be read")
        raise typer.Exit(2)
    pieces = write_pieces(output, content)
    shutil.copyfile(network.with_suffix(".json"), output.with_suffix(".json"))
    console.print(f"{output}: {len(content) / 2**20:.1f} MiB in {len(pieces)} pieces")
