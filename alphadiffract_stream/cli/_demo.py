"""``demo``: a simulated experiment through the whole way, on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import ConfigurationError
from ._signals import terminated_as_interrupted


def demo(
    frames: Annotated[int | None, typer.Option(min=1, help="Frames in the scan.")] = None,
    headless: Annotated[bool, typer.Option("--headless", help="No live screen.")] = False,
    json_path: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the summary there.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the noise; the same seed gives the same data.")] = 0,
    engine: Annotated[str, typer.Option(metavar="URL", help="What runs the network.")] = "onnx:",
    sample: Annotated[str, typer.Option(help="What is heated: CaCO3 or BaTiO3.")] = "CaCO3",
    dashboard: Annotated[
        bool, typer.Option("--dashboard", help="Serve a page to watch it on; stays until Ctrl-C.")
    ] = False,
) -> None:
    """Scan a simulated furnace with a real run engine and watch the predictions come back."""
    try:
        from ..demo import run_demo
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in ("bluesky", "ophyd"):
            raise
        raise ConfigurationError(
            f"the demo needs {error.name}; pip install 'alphadiffract-stream[demo]'"
        ) from None
    with terminated_as_interrupted():
        status = run_demo(
            frames=frames,
            headless=headless,
            json_path=json_path,
            seed=seed,
            engine=engine,
            sample=sample,
            dashboard=dashboard,
        )
    raise typer.Exit(status)
