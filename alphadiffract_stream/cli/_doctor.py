"""``doctor``: what works here, what does not, and what to do about it."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import typer

from ._options import Config, EngineUrl, Json, Sinks, Sources


def doctor(
    config: Config = None,
    source: Sources = None,
    sink: Sinks = None,
    engine: EngineUrl = None,
    timeout: Annotated[
        float, typer.Option(metavar="S", min=0.1, help="Seconds for each endpoint.")
    ] = 2.0,
    listen: Annotated[
        float,
        typer.Option(metavar="S", min=0, help="Also wait so long for a message of each source."),
    ] = 0.0,
    as_json: Json = False,
) -> None:
    """Check dependencies, the model and each configured endpoint: OK, TIMEOUT, ERROR or ABSENT.

    Exit status: 0 if nothing that is needed is wrong (an extra may be absent), else 1.
    """
    from ..service import Settings
    from ._checks import Check, every_check

    settings = Settings.load(config, sources=source, sinks=sink, engine=engine)
    checks: list[Check] = asyncio.run(every_check(settings, timeout, listen))
    if as_json:
        import orjson

        typer.echo(orjson.dumps([check.record() for check in checks], option=orjson.OPT_INDENT_2))
    else:
        _show(checks)
    if not all(check.passed for check in checks):
        raise typer.Exit(1)


def _show(checks: list[Any]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    styles = {"OK": "green", "ABSENT": "dim", "TIMEOUT": "yellow", "ERROR": "red"}
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("what", "state", "found", "what to do"):
        table.add_column(heading, overflow="fold")
    for check in checks:
        state = Text(check.state.value, style=styles[check.state.value])
        table.add_row(check.name, state, Text(check.found), Text(check.remedy))
    Console().print(table)
