"""A report as tables in the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console, Group, RenderableType
from rich.table import Table

from ._load import LoadTimes
from ._report import Report
from ._timing import Spread


def show(report: Report, console: Console) -> None:
    """Print every part that was measured."""
    console.print(Group(*_parts(report)))


def _parts(report: Report) -> Iterator[RenderableType]:
    machine = report.machine
    yield (
        f"{machine['processor']}, {machine['cores']} cores, load {machine['load_average']}, "
        f"{machine['system']}"
    )
    if report.stages:
        yield _stages(report)
    if report.batches:
        yield _batches(report)
    if report.capacities:
        yield _capacities(report)
        for engine in report.engines:
            yield _loads(report, engine)
        yield from _losses(report)
    if (paper := report.paper_way) is not None:
        yield (
            f"The paper's way ({paper.description}): {paper.call.p50:.2f} ms a pattern on "
            f"{paper.device}; {next(iter(report.engines))}: {paper.engine.p50:.2f} ms; "
            f"ratio {paper.ratio:.3g}"
        )


def _table(title: str, *headings: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column(headings[0])
    for heading in headings[1:]:
        table.add_column(heading, justify="right")
    return table


def _stages(report: Report) -> Table:
    points = report.plan.points
    table = _table(
        f"Stages, one pattern of {points} points at a time: ms",
        *("engine", "stage", "p50", "p95", "p99", "longest", "calls"),
    )
    for engine, stages in report.stages.items():
        for stage, spread in stages.items():
            table.add_row(engine, stage, *_four(spread), str(spread.count))
        table.add_section()
    return table


def _batches(report: Report) -> Table:
    table = _table(
        "Engines, batch by batch, in turns: ms a call",
        *("engine", "batch", "p50", "p99", "patterns/s", "to the first"),
    )
    for row in report.batches:
        table.add_row(
            row.engine,
            str(row.batch),
            *(f"{row.call.p50:.2f}", f"{row.call.p99:.2f}"),
            *(f"{row.rate:.0f}", f"{row.ratio:.2f} ×"),
        )
    return table


def _capacities(report: Report) -> Table:
    table = _table(
        "Capacity, document in to prediction document out, through serve",
        *("engine", "patterns/s", "1 / bare", "cores"),
    )
    for row in report.capacities:
        table.add_row(row.engine, f"{row.rate:.0f}", f"{1e3 / row.bare.p50:.0f}", _cpu(row.cpu))
    return table


def _loads(report: Report, engine: str) -> Table:
    table = _table(
        f"Latency under {report.plan.arrivals} load, from when an event was due, {engine}: ms",
        *("load", "events/s", "p50", "p95", "p99", "added p50", "p99", "outside p50", "p99"),
        *("bare", "late", "cores"),
    )
    for row in report.loads:
        if row.engine == engine:
            spreads = (row.added.p50, row.added.p99, row.outside.p50, row.outside.p99)
            totals = (row.end_to_end.p50, row.end_to_end.p95, row.end_to_end.p99)
            numbers = (*totals, *spreads, row.bare.p50, row.late.p99)
            table.add_row(
                *(f"{row.load:.0%}", f"{row.rate:.0f}"),
                *(f"{ms:.2f}" for ms in numbers),
                _cpu(row.cpu),
            )
    table.caption = (
        "added: less the engine alone (bare: median, batch 1, right before or after); outside: "
        "less what the engine took for the event's own batch; late: the generator, p99"
    )
    return table


def _losses(report: Report) -> Iterator[str]:
    for row in report.loads:
        if row.unanswered or row.not_predicted or row.twice:
            yield _loss(row)


def _loss(row: LoadTimes) -> str:
    return (
        f"[red]{row.engine} at {row.load:.0%}: {row.unanswered} events unanswered, "
        f"{row.not_predicted} refused or failed, {row.twice} answered twice[/]"
    )


def _four(spread: Spread) -> tuple[str, ...]:
    return tuple(f"{ms:.3f}" for ms in (spread.p50, spread.p95, spread.p99, spread.longest))


def _cpu(cores: float | None) -> str:
    return "" if cores is None else f"{cores:.2f}"
