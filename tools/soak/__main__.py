"""``python -m tools.soak``: one soak, its verdict, its report and its figure."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from alphadiffract_stream.bench._machine import describe_machine

from ._flat import flatness
from ._plot import plot
from ._soak import Offered, soak

_FLAT = 0.05


def main(
    minutes: Annotated[float, typer.Option(help="How long.")] = 30.0,
    rate: Annotated[float, typer.Option(help="Patterns a second.")] = 200.0,
    run: Annotated[float, typer.Option(help="Seconds of each raw run.")] = 20.0,
    points: Annotated[int, typer.Option(help="Of each pattern.")] = 8192,
    warm_up: Annotated[float, typer.Option(help="Share not looked at for memory.")] = 0.1,
    spool: Annotated[Path | None, typer.Option(help="Folder of the spool.")] = None,
    report: Annotated[Path, typer.Option(help="JSON.")] = Path("soak.json"),
    figure: Annotated[Path | None, typer.Option("--plot", help="PNG or SVG.")] = None,
) -> None:
    """Soak; exit status 1 where something was lost or memory was not flat."""
    console = Console(stderr=True)
    machine = describe_machine()
    options = ("--spool", str(spool)) if spool else ()
    offered = Offered(minutes, rate, run, points, options)
    found = soak(offered, say=console.print)
    flat = flatness(found.memory, 60 * minutes * warm_up)
    good = found.lost == 0 and found.twice == 0 and flat.deviation <= _FLAT
    text = {
        "machine": machine,
        "load_after": os.getloadavg(),
        "offered": asdict(offered),
        "good": good,
        "lost": found.lost,
        "memory_deviation": flat.deviation,
        "flatness": asdict(flat),
        **asdict(found),
    }
    report.write_text(json.dumps(text, indent=1) + "\n")
    if figure:
        plot(found, figure)
    assert found.total is not None
    assert found.late is not None
    console.print(
        f"{found.sent} events in {found.runs} runs: {found.lost} lost, {found.twice} twice; "
        f"p50 {found.total.p50:.1f}, p99 {found.total.p99:.1f} ms "
        f"(generator late by {found.late.p99:.1f} ms, p99); memory {flat.median / 2**20:.0f} MiB "
        f"± {flat.deviation:.1%}, {flat.growth / 2**20:+.1f} MiB/h; cores {found.cores}"
    )
    raise typer.Exit(not good)


if __name__ == "__main__":
    typer.run(main)
