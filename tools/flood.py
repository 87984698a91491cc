"""``python -m tools.flood --policy latest``: ten times more than the service can take.

Capacity is measured first, of a service with neither spool nor policy. Then events come to another
one at ten times that rate, paced, whether they are answered or not: does ``latest`` stay near the
beam with bounded memory, and does ``lossless`` with a spool catch up with nothing lost?
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from alphadiffract_stream.bench import Plan, Spread
from alphadiffract_stream.bench._experiment import Answered, Experiment, waits
from alphadiffract_stream.bench._machine import describe_machine

from .soak._soak import MemoryWatch

_RCVHWM = 10_000
"""The source's own default."""
_PREDICTED = ("ok", "low_confidence", "out_of_domain")
_BEHIND = 1.0
"""s that ``latest`` may be behind."""


@dataclass(slots=True)
class Flooded:
    """What came of one flood. Times in s, memory in bytes."""

    policy: str
    capacity: float
    """Patterns a second."""
    asked: float
    """Events a second that were to be sent."""
    offered: float
    """And were."""
    sent: int
    answers: dict[str, int]
    account: dict[str, int]
    behind: Spread
    """ms from when an event was made to when its prediction was; of those predicted."""
    arrived: Spread
    """ms from when an event was sent to when this process had its prediction."""
    caught_up: float
    """s from the last event to the last answer."""
    memory_before: int
    memory_peak: int
    memory: list[tuple[float, int]] = field(default_factory=list)

    @property
    def lost(self) -> int:
        """Events the account has no answer for, and predictions it has that never came."""
        account = self.account
        unanswered = self.sent - account["predicted"] - account["refused"] - account["failed"]
        came = sum(n for status, n in self.answers.items() if status in _PREDICTED)
        return max(unanswered, account["missing"], account["predicted"] - came)

    @property
    def good(self) -> bool:
        """Whether the policy kept its word."""
        if self.policy == "latest":
            return self.lost == 0 and self.behind.longest < _BEHIND * 1e3
        return self.lost == 0 and self.account["predicted"] == self.sent


def flood(
    policy: str, seconds: float, *, times: float = 10.0, points: int = 8192, spool: Path | None
) -> Flooded:
    """Raises EngineError when the service ends or answers nothing."""
    plan = Plan(points=points)
    with Experiment(plan, "onnx:", rcvhwm=_RCVHWM) as experiment:
        experiment.open()
        capacity = _capacity(experiment)
    asked = times * capacity
    options = ["--policy", policy, *(("--spool", str(spool)) if spool else ())]
    with Experiment(plan, "onnx:", options, rcvhwm=_RCVHWM) as experiment:
        experiment.open()
        experiment.offer(waits(capacity / 4, round(capacity), at_random=False, seed=0))
        schedule = waits(asked, max(1, round(asked * seconds)), at_random=False, seed=0)
        with MemoryWatch(experiment.service, 0.1) as watch:
            began = time.perf_counter()
            answered = experiment.offer(schedule)
    return _flooded(policy, capacity, asked, answered, began, watch.samples)


def _capacity(experiment: Experiment) -> float:
    experiment.flood(128, 2.0)
    arrived = sorted(experiment.flood(128, 8.0).arrived.values())
    start = len(arrived) // 10
    return (len(arrived) - 1 - start) / (arrived[-1] - arrived[start])


def _flooded(
    policy: str,
    capacity: float,
    asked: float,
    answered: Answered,
    began: float,
    memory: list[tuple[float, int]],
) -> Flooded:
    first, last = min(answered.sent.values()), max(answered.sent.values())
    predicted = [n for n, data in answered.data.items() if data["status"] in _PREDICTED]
    # From event to answer on one wall clock: a generator or a reader that is late does not count.
    behind = [(answered.published[n] - answered.data[n]["raw_time"]) * 1e3 for n in predicted]
    arrived = [(answered.arrived[n] - answered.sent[n]) * 1e3 for n in predicted]
    account = ("received", "predicted", "refused", "failed", "skipped", "missing")
    return Flooded(
        policy,
        capacity,
        asked,
        offered=(len(answered.sent) - 1) / (last - first),
        sent=len(answered.sent),
        answers=dict(Counter(data["status"] for data in answered.data.values())),
        account={name: answered.stop.get(name, 0) for name in account},
        behind=Spread.of(behind),
        arrived=Spread.of(arrived),
        caught_up=max(answered.arrived.values()) - last,
        memory_before=memory[0][1],
        memory_peak=max(held for _, held in memory),
        memory=[(at - began, held) for at, held in memory],
    )


def main(
    policy: Annotated[list[str], typer.Option(help="latest, lossless; may be repeated.")],
    seconds: Annotated[float, typer.Option(help="Of the flood.")] = 10.0,
    times: Annotated[float, typer.Option(help="The capacity.")] = 10.0,
    points: Annotated[int, typer.Option(help="Of each pattern.")] = 8192,
    report: Annotated[Path, typer.Option(help="JSON.")] = Path("flood.json"),
) -> None:
    """Flood; exit status 1 where a policy did not keep its word."""
    console, found = Console(stderr=True), []
    machine = describe_machine()
    for one in policy:
        with tempfile.TemporaryDirectory(prefix="flood-") as folder:
            spool = Path(folder) / "spool" if one == "lossless" else None
            flooded = flood(one, seconds, times=times, points=points, spool=spool)
        found.append(flooded)
        console.print(_line(flooded))
    text = {
        "machine": machine,
        "load_after": os.getloadavg(),
        "floods": [asdict(one) | {"good": one.good, "lost": one.lost} for one in found],
    }
    report.write_text(json.dumps(text, indent=1) + "\n")
    raise typer.Exit(not all(one.good for one in found))


def _line(found: Flooded) -> str:
    account = ", ".join(f"{n} {name}" for name, n in found.account.items())
    return (
        f"{found.policy}: capacity {found.capacity:.0f}/s, offered {found.offered:.0f}/s, "
        f"{found.sent} sent: {account}; lost {found.lost}; behind p50 {found.behind.p50:.0f}, "
        f"p99 {found.behind.p99:.0f}, longest {found.behind.longest:.0f} ms "
        f"(arrived {found.arrived.p50:.0f}, {found.arrived.p99:.0f}, {found.arrived.longest:.0f}); "
        f"caught up in {found.caught_up:.1f} s; memory {found.memory_before / 2**20:.0f} → "
        f"{found.memory_peak / 2**20:.0f} MiB"
    )


if __name__ == "__main__":
    typer.run(main)
