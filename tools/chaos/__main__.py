"""``python -m tools.chaos``: seeds one after another, with a report."""

from __future__ import annotations

import json
import os
import platform
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from alphadiffract_stream.engines import open_engine
from tools.local_triton import LocalTriton

from . import _clock, _disk
from ._plan import KILLS
from ._run import Outcome, Size, run_seed
from ._triton import started

_console = Console(stderr=True)
_KINDS = ("kill", "terminate", "poison", "exchange", "proxy", "freeze", "reader", "slow")
_TRITON_EACH = 10
_SHOWN = 8


def main(
    seeds: Annotated[int, typer.Option(help="How many.")] = 50,
    first: Annotated[int, typer.Option(help="The first one.")] = 0,
    runs: Annotated[int, typer.Option(help="Raw runs of a seed.")] = 5,
    events: Annotated[int, typer.Option(help="Events of a run, some.")] = 120,
    rate: Annotated[float, typer.Option(help="Events a second, where not acknowledged.")] = 20.0,
    kills: Annotated[int, typer.Option(help="Times the service is killed, a seed.")] = KILLS,
    triton: Annotated[
        bool, typer.Option(help="Each tenth seed with a real Triton server that dies.")
    ] = False,
    report: Annotated[Path, typer.Option(help="JSON, written after each seed.")] = Path(
        "chaos.json"
    ),
    keep: Annotated[Path | None, typer.Option(help="Logs of seeds with findings.")] = None,
) -> None:
    """Chaos on seeds; exit status 1 where the account is not the truth."""
    size = Size(runs, events, rate)
    possible = [*_KINDS, *_possible_here()]
    outcomes: list[Outcome] = []
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with ExitStack() as stack, Progress(*columns, console=_console) as progress:
        engine = open_engine("onnx:")
        server: LocalTriton | None = stack.enter_context(started()) if triton else None
        task = progress.add_task("", total=seeds)
        for seed in range(first, first + seeds):
            outcome = run_seed(
                seed,
                engine,
                possible,
                size=size,
                kills=kills,
                triton=server if seed % _TRITON_EACH == _TRITON_EACH - 1 else None,
                say=lambda what, seed=seed: progress.update(task, description=f"{seed}: {what}"),
                keep=keep,
            )
            outcomes.append(outcome)
            progress.console.print(_line(outcome))
            report.write_text(json.dumps(_report(outcomes, possible, size), indent=1) + "\n")
            progress.advance(task)
    found = sum(bool(outcome.verdict.findings) for outcome in outcomes)
    _console.print(f"{seeds} seeds, {found} with findings; {report}")
    raise typer.Exit(int(found > 0))


def _possible_here() -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        here = {"disk": _disk.possible(Path(folder)), "clock": _clock.library() is not None}
    for kind, can in here.items():
        if not can:
            _console.print(f"left out, not possible here: {kind}")
    return [kind for kind, can in here.items() if can]


def _line(outcome: Outcome) -> str:
    verdict, plan = outcome.verdict, outcome.plan
    way = "acknowledged" if plan.acknowledged else "unheard"
    kinds = " ".join(fault.kind for fault in plan.faults)
    counts = f"{verdict.published}: {verdict.predicted} predicted, {verdict.refused} refused"
    counts += f", {verdict.failed} failed, {verdict.missing} missing, {verdict.unseen} unseen"
    head = f"{plan.seed:3} {way:12} {outcome.seconds:4.0f} s  {counts}  ({kinds})"
    findings = "".join(f"\n    [red]{text}[/]" for text in verdict.findings[:8])
    return (
        head + findings + (f"\n    … {len(verdict.findings)}" if len(verdict.findings) > 8 else "")
    )


def _report(outcomes: list[Outcome], possible: list[str], size: Size) -> dict[str, object]:
    def total(name: str) -> int:
        return sum(getattr(outcome.verdict, name) for outcome in outcomes)

    counts = ("published", "predicted", "refused", "failed", "missing", "unseen", "undeclared")
    kinds = [fault.kind for outcome in outcomes for fault in outcome.plan.faults]
    return {
        "machine": {
            "cores": os.cpu_count(),
            "load": os.getloadavg(),
            "system": platform.platform(),
        },
        "time": time.strftime("%Y-%m-%d %H:%M:%S"),
        "size": {"runs": size.runs, "events": size.events, "rate": size.rate},
        "possible": possible,
        "seeds": len(outcomes),
        "with_findings": sum(bool(outcome.verdict.findings) for outcome in outcomes),
        "totals": {name: total(name) for name in (*counts, "redelivered")},
        "faults": {kind: kinds.count(kind) for kind in sorted(set(kinds))},
        "outcomes": [outcome.as_dict() for outcome in outcomes],
    }


if __name__ == "__main__":
    typer.run(main)
