"""Runs one after another, each whole; the service's memory meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import numpy as np

from alphadiffract_stream.bench import Plan, Spread
from alphadiffract_stream.bench._experiment import Answered, Experiment, waits
from alphadiffract_stream.bench._service import ServiceProcess

Say = Callable[[str], None]
_ACCOUNT = ("received", "predicted", "refused", "failed", "missing")


@dataclass(frozen=True, slots=True)
class Offered:
    """What is offered, and for how long."""

    minutes: float = 30.0
    rate: float = 200.0
    """Patterns a second."""
    run: float = 20.0
    """s of each raw run."""
    points: int = 8192
    options: tuple[str, ...] = ()
    """More arguments of ``serve``."""


@dataclass(slots=True)
class Soaked:
    """What came of it. Times are in s since the first event, latencies in ms, memory in bytes."""

    sent: int = 0
    runs: int = 0
    unanswered: int = 0
    twice: int = 0
    account: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_ACCOUNT, 0))
    """Sums over the stop documents."""
    minutes: list[Spread] = field(default_factory=list)
    """End to end, by minute."""
    total: Spread | None = None
    late: Spread | None = None
    """How late the generator itself was."""
    memory: list[tuple[float, int]] = field(default_factory=list)
    cores: float | None = None
    """The service's process kept busy, on average."""

    @property
    def lost(self) -> int:
        """Events that no prediction came back for, or that the account says are not there."""
        return max(self.unanswered, self.sent - self.account["predicted"])


class MemoryWatch:
    """Samples the resident memory of a service while the block runs."""

    def __init__(self, service: ServiceProcess, interval: float) -> None:
        self.samples: list[tuple[float, int]] = []
        """(perf_counter() s, bytes)."""
        self._service = service
        self._interval = interval
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while True:
            if (held := self._service.resident()) is not None:
                self.samples.append((time.perf_counter(), held))
            if self._done.wait(self._interval):
                return

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        self._thread.join()


def soak(offered: Offered, *, interval: float = 5.0, say: Say = lambda text: None) -> Soaked:
    """Offer it. Raises EngineError when the service ends or answers nothing."""
    plan, found = Plan(points=offered.points), Soaked()
    latencies: list[tuple[float, float]] = []
    late: list[float] = []
    with Experiment(plan, "onnx:", offered.options, rcvhwm=10_000) as experiment:
        experiment.open()
        with MemoryWatch(experiment.service, interval) as watch:
            began, busy = time.perf_counter(), experiment.service.cpu_seconds()
            while (left := 60 * offered.minutes - (time.perf_counter() - began)) > 0.5:
                number = max(1, round(offered.rate * min(left, offered.run)))
                schedule = waits(offered.rate, number, at_random=False, seed=0)
                _add(found, experiment.offer(schedule), latencies, late)
                said = f"{found.sent} sent, {found.lost} lost, {latencies[-1][1]:.0f} ms"
                say(f"{said}, {watch.samples[-1][1] / 2**20:.0f} MiB")
            took = time.perf_counter() - began
            if busy is not None and (after := experiment.service.cpu_seconds()) is not None:
                found.cores = (after - busy) / took
    found.memory = [(at - began, held) for at, held in watch.samples]
    minutes = np.array([(due - began) // 60 for due, _ in latencies])
    times = np.array([latency for _, latency in latencies])
    found.minutes = [Spread.of(times[minutes == minute]) for minute in np.unique(minutes)]
    found.total, found.late = Spread.of(times), Spread.of(late)
    return found


def _add(
    found: Soaked, answered: Answered, latencies: list[tuple[float, float]], late: list[float]
) -> None:
    found.runs += 1
    found.sent += len(answered.sent)
    found.unanswered += answered.unanswered
    found.twice += answered.twice
    stop: dict[str, Any] = answered.stop
    for name in _ACCOUNT:
        found.account[name] += stop.get(name, 0)
    due = answered.due
    latencies += [(due[n], (at - due[n]) * 1e3) for n, at in answered.arrived.items()]
    late += [(sent - due[n]) * 1e3 for n, sent in answered.sent.items()]
