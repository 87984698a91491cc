"""``dashboard``: a page to watch a scan on."""

from __future__ import annotations

import asyncio
import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ..errors import ConfigurationError
from ._options import Energy, Wavelength, wavelength_of

TOKEN_VARIABLE = "ALPHADIFFRACT_DASHBOARD_TOKEN"  # noqa: S105 - its name


class Axis(StrEnum):
    """What patterns are drawn on."""

    MEASURED = "measured"
    TWO_THETA = "2th_deg"
    Q = "q_A^-1"
    D = "d_A"


def dashboard(
    source: Annotated[
        str, typer.Option("--source", metavar="URL", help="Where the service reads patterns.")
    ],
    predictions: Annotated[
        str | None,
        typer.Option(
            "--predictions",
            metavar="URL",
            help="Where it publishes; the source's proxy, prefix alphadiffract, if not given.",
        ),
    ] = None,
    address: Annotated[
        str, typer.Option("--address", metavar="HOST", help="Address to bind.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="0 lets the system choose.")
    ] = 5006,
    token_file: Annotated[
        Path | None,
        typer.Option("--token-file", metavar="FILE", help="Its first line is asked for."),
    ] = None,
    certificate: Annotated[
        Path | None,
        typer.Option("--certificate", metavar="FILE", help="PEM: the page is served over HTTPS."),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option("--key", metavar="FILE", help="Its key, where that file does not hold it."),
    ] = None,
    origin: Annotated[
        list[str] | None,
        typer.Option("--origin", metavar="HOST:PORT", help="As browsers call this page."),
    ] = None,
    axis: Annotated[Axis, typer.Option("--axis", help="To draw patterns on.")] = Axis.MEASURED,
    runs: Annotated[int, typer.Option("--runs", min=1, help="Kept for looking back.")] = 20,
    energy: Energy = None,
    wavelength: Wavelength = None,
    ready_file: Annotated[
        Path | None,
        typer.Option("--ready-file", metavar="FILE", help="Write the page's URL there."),
    ] = None,
) -> None:
    """Serve a page with the live pattern, its predictions and the whole scan, until Ctrl-C.

    A process of its own: it reads what everybody may read and cannot slow the service.
    """
    token = _token(token_file)
    try:
        from ..dashboard._watch import watch
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("bokeh", "tornado", "jinja2"):
            raise
        raise ConfigurationError(
            f"the dashboard needs {error.name}; pip install 'alphadiffract-stream[dashboard]'"
        ) from None
    from ._logging import LogFormat, configure_logging

    configure_logging("WARNING", LogFormat.TEXT)
    asyncio.run(
        watch(
            source,
            predictions,
            address=address,
            port=port,
            token=token,
            origins=origin or (),
            certificate=certificate,
            key=key,
            wavelength=wavelength_of(energy, wavelength),
            kind=None if axis is Axis.MEASURED else axis.value,
            max_runs=runs,
            ready=lambda url: _announce(url, ready_file),
        )
    )


def _token(file: Path | None) -> str | None:
    """From the file or the environment: an argument could be read in the list of processes."""
    if file is None:
        return os.environ.get(TOKEN_VARIABLE) or None
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"--token-file {file}: {error}") from None
    if not (lines and lines[0].strip()):
        raise ConfigurationError(f"--token-file {file}: is empty; write a token into it")
    return lines[0].strip()


def _announce(url: str, ready_file: Path | None) -> None:
    typer.echo(f"{url}")
    if ready_file is not None:
        partial = ready_file.with_name(ready_file.name + ".partial")
        partial.write_text(url + "\n", encoding="utf-8")
        partial.replace(ready_file)
