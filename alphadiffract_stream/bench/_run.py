"""A whole benchmark: parts in order, engines in turns, progress on standard error."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from ..engines import Engine, open_engine
from ._batches import time_batches
from ._experiment import Experiment
from ._load import LoadBench
from ._machine import describe_machine
from ._paper_way import time_paper_way
from ._plan import Part, Plan
from ._report import Report
from ._stages import time_stages

Step = Callable[[str], None]


def run_bench(plan: Plan, *, progress: bool = True) -> Report:
    """Measure what `plan` says.

    Raises ConfigurationError for unusable engines or a missing extra, EngineError when an engine
    or the service does not answer.
    """
    report = Report(plan, describe_machine())
    columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    with (
        _opened(plan) as engines,
        Progress(*columns, console=Console(stderr=True), disable=not progress) as bar,
    ):
        task = bar.add_task("", total=_steps(plan))

        def step(description: str) -> None:
            bar.update(task, description=description, advance=1)

        first = next(iter(engines.values()))
        report.engines = {url: f"{e.card.name} {e.card.version}" for url, e in engines.items()}
        if Part.STAGES in plan.parts:
            for url, engine in engines.items():
                step(f"stages, {url}")
                report.stages[url] = time_stages(engine, plan)
        if Part.ENGINES in plan.parts:
            for rows in time_batches(engines, plan):
                step(f"engines, batch {rows[0].batch}")
                report.batches += rows
        if plan.paper_way:
            step("the paper's way")
            report.paper_way = time_paper_way(first, plan)
        if Part.LOAD in plan.parts:
            for url, engine in engines.items():
                _load(url, engine, plan, report, step)
    return report


def _load(url: str, engine: Engine, plan: Plan, report: Report, step: Step) -> None:
    step(f"starting serve with {url}")
    with Experiment(plan, url) as experiment:
        experiment.open()
        bench = LoadBench(url, engine, experiment, plan)
        step(f"capacity, {url}")
        capacity = bench.capacity()
        report.capacities.append(capacity)
        for load in plan.loads:
            step(f"{load:.0%} of {capacity.rate:.0f}/s, {url}")
            report.loads.append(bench.at(load, capacity))


def _steps(plan: Plan) -> int:
    engines = len(plan.engines)
    steps = engines if Part.STAGES in plan.parts else 0
    steps += len(plan.batches) if Part.ENGINES in plan.parts else 0
    steps += engines * (2 + len(plan.loads)) if Part.LOAD in plan.parts else 0
    return steps + plan.paper_way


@contextmanager
def _opened(plan: Plan) -> Iterator[dict[str, Engine]]:
    with ExitStack() as stack:
        engines: dict[str, Engine] = {}
        for url in plan.engines:
            engines[url] = open_engine(url)
            stack.callback(lambda engine: asyncio.run(engine.close()), engines[url])
        yield engines
