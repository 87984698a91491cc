"""One seed, from its plan to its verdict."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from alphadiffract_stream.engines import Engine
from tools.local_triton import LocalTriton

from ._faults import Faults
from ._plan import KILLS, Plan, make_plan
from ._processes import Broken
from ._publisher import NotTaken, Publisher
from ._truth import Truth, make_truth
from ._verdict import Judge, Verdict
from ._world import World


@dataclass(frozen=True, slots=True)
class Size:
    """Of the stream of one seed."""

    runs: int = 5
    events: int = 120
    """Of a run, some."""
    rate: float = 20.0
    """Events a second, where nobody acknowledges them."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happened with one seed."""

    plan: Plan
    verdict: Verdict
    seconds: float
    service_starts: int
    sent_again: int
    triton: bool

    def as_dict(self) -> dict[str, Any]:
        """For the report."""
        return asdict(self)


def run_seed(
    seed: int,
    engine: Engine,
    possible: Collection[str],
    *,
    size: Size | None = None,
    kills: int = KILLS,
    triton: LocalTriton | None = None,
    say: Callable[[str], None] = lambda text: None,
    keep: Path | None = None,
) -> Outcome:
    """One seed, in a folder of its own; where there are findings, it is kept below `keep`.

    engine: of this process, the same network; what its predictions are held against.
    """
    size = size or Size()
    began = time.monotonic()
    truth = make_truth(seed, size.runs, size.events, engine)
    if triton is not None:
        possible = [*(set(possible) - {"poison", "exchange"}), "triton"]
    plan = make_plan(seed, truth.events, possible, kills)
    with tempfile.TemporaryDirectory(prefix=f"chaos-{seed}-") as name:
        world = World(Path(name), plan, triton)
        verdict, again = _live(world, plan, truth, size, say)
        if verdict.findings and keep is not None:
            _keep(Path(name), keep / f"seed-{seed}")
    took = time.monotonic() - began
    return Outcome(plan, verdict, took, world.service.starts, again, triton is not None)


def _live(
    world: World, plan: Plan, truth: Truth, size: Size, say: Callable[[str], None]
) -> tuple[Verdict, int]:
    broken: list[str] = []
    with world:
        faults = Faults(world, plan.faults, say)
        address = f"tcp://127.0.0.1:{world.proxy.in_port}"
        publisher = Publisher(address, plan.seed, world.service, world.published, faults.progress)
        say("publishing")
        try:
            publisher.publish(truth, acknowledged=plan.acknowledged, rate=size.rate)
        except NotTaken as finding:
            broken.append(str(finding))
        faults.finish()
        broken += faults.broken
        say("ending")
        accounts = _settled(world, truth)
        broken += _end(world)
        publisher.close()
    world.published.read()
    judge = Judge(plan, truth, publisher, world, accounts)
    readers = [reader for reader in (world.reader, world.slow_reader) if reader]
    verdict = judge.verdict(readers)
    verdict.findings += broken
    return verdict, publisher.again


def _settled(world: World, truth: Truth) -> dict[str, Any]:
    """Leave it some time to answer; the accounts it then tells."""
    until = time.monotonic() + 20
    while not _idle(world, truth) and time.monotonic() < until:
        time.sleep(0.05)
    while (status := world.service.status()) is None and time.monotonic() < until + 20:
        time.sleep(0.5)
    return {run["uid"]: run for run in status["runs"]} if status else {}


def _end(world: World) -> list[str]:
    try:
        world.service.check()
        if status := world.service.terminate():
            return [f"at the end: exit status {status}: {world.service.last_words()}"]
    except Broken as finding:
        return [str(finding)]
    return []


def _idle(world: World, truth: Truth) -> bool:
    """Nothing waits for an answer, and no run for events that may still come."""
    if all(world.published.stopped(run.uid) for run in truth.runs):
        return True
    status = world.service.status()
    if status is None or status["queue"]["waiting"]:
        return False
    return not any(run["state"] == "stopping" for run in status["runs"])


def _keep(folder: Path, place: Path) -> None:
    place.mkdir(parents=True, exist_ok=True)
    for name in ("service.log", "published.jsonl", "proxy.log"):
        if (folder / name).exists():
            (place / name).write_bytes((folder / name).read_bytes())
