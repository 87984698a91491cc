"""From end to end: capacity, and latency when a share of it is offered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ..engines import Engine
from ..errors import EngineError
from ._batches import canonical_rows
from ._experiment import Answered, Experiment, waits
from ._plan import Arrivals, Plan
from ._timing import Spread, interleaved

_IN_FLIGHT = 128
_WARM_UP = 0.1
"""Share of a load's events that is sent first and not counted; 20 at least."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """What one engine's service answers when there is always work waiting."""

    engine: str
    rate: float
    """Patterns a second."""
    events: int
    bare: Spread
    """ms of the engine alone, batch 1."""
    cpu: float | None
    """Cores the service's process kept busy."""


@dataclass(frozen=True, slots=True)
class LoadTimes:
    """Latencies at one offered load; times in ms."""

    engine: str
    load: float
    """Share of the capacity."""
    rate: float
    """Events a second offered."""
    events: int
    unanswered: int
    not_predicted: int
    """Refused or failed."""
    twice: int
    end_to_end: Spread
    """From when an event was due to the arrival of its prediction."""
    bare: Spread
    """The engine alone with one pattern, measured right before and after."""
    added: Spread
    """`end_to_end` less the median of `bare`."""
    outside: Spread
    """`end_to_end` less what the engine took for this very event's batch."""
    queue: Spread
    """In the service, before the engine had it."""
    compute: Spread
    """The engine's call, with its outputs made predictions."""
    service: Spread
    """From the service's receiving the event to its prediction's leaving."""
    late: Spread
    """How late the generator itself was."""
    cpu: float | None


class LoadBench:
    """One engine's service and what is offered to it."""

    def __init__(self, name: str, engine: Engine, experiment: Experiment, plan: Plan) -> None:
        self._name = name
        self._engine = engine
        self._experiment = experiment
        self._plan = plan
        self._row = canonical_rows(plan)[:1]

    def capacity(self) -> Capacity:
        """Raises EngineError when nothing comes back."""
        self._experiment.flood(_IN_FLIGHT, min(1.0, self._plan.seconds))
        answered, cpu = self._with_cpu(
            lambda: self._experiment.flood(_IN_FLIGHT, self._plan.seconds / 2)
        )
        times = np.sort(np.fromiter(answered.arrived.values(), float))
        if times.size < 2:
            raise EngineError(f"{self._name}: the service answered {times.size} events under load")
        # Answers come in batches: from the end of the first tenth to the end, whole batches both.
        start = times.size // 10
        rate = (times.size - 1 - start) / (times[-1] - times[start])
        return Capacity(self._name, float(rate), times.size, self._bare(), cpu)

    def at(self, load: float, capacity: Capacity) -> LoadTimes:
        """Raises EngineError when nothing comes back."""
        rate, before = load * capacity.rate, self._bare()
        counted = max(int(rate * self._plan.seconds), 20)
        warm_up = max(20, int(_WARM_UP * counted))
        random = self._plan.arrivals is Arrivals.POISSON
        schedule = waits(rate, warm_up + counted, at_random=random, seed=self._plan.seed)
        answered, cpu = self._with_cpu(lambda: self._experiment.offer(schedule))
        after = self._bare()
        bare = min(before, after, key=lambda spread: spread.p50)
        return _times(self._name, load, rate, warm_up, answered, bare, cpu)

    def _bare(self) -> Spread:
        row = self._row
        seconds = min(0.5, self._plan.seconds / 10)
        return interleaved({"bare": lambda: self._engine.run(row)}, seconds)["bare"]

    def _with_cpu(self, work: Callable[[], Answered]) -> tuple[Answered, float | None]:
        before = self._experiment.service.cpu_seconds()
        answered = work()
        after = self._experiment.service.cpu_seconds()
        arrived, due = answered.arrived.values(), answered.due.values()
        if before is None or after is None or not arrived:
            return answered, None
        return answered, (after - before) / (max(arrived) - min(due))


def _times(
    engine: str,
    load: float,
    rate: float,
    warm_up: int,
    answered: Answered,
    bare: Spread,
    cpu: float | None,
) -> LoadTimes:
    counted = sorted(n for n in answered.data if n > warm_up)
    if not counted:
        raise EngineError(f"{engine}: the service answered nothing at {rate:.3g} events/s")
    latency = {n: (answered.arrived[n] - answered.due[n]) * 1e3 for n in counted}

    def each(key: str) -> Iterator[float]:
        return (answered.data[n][f"latency_{key}"] for n in counted)

    compute = dict(zip(counted, each("compute"), strict=True))
    return LoadTimes(
        engine=engine,
        load=load,
        rate=rate,
        events=len(counted),
        unanswered=answered.unanswered,
        not_predicted=answered.not_predicted,
        twice=answered.twice,
        end_to_end=Spread.of(latency.values()),
        bare=bare,
        added=Spread.of(ms - bare.p50 for ms in latency.values()),
        outside=Spread.of(latency[n] - compute[n] for n in counted),
        queue=Spread.of(each("queue")),
        compute=Spread.of(compute.values()),
        service=Spread.of(each("total")),
        late=Spread.of((answered.sent[n] - answered.due[n]) * 1e3 for n in counted),
        cpu=cpu,
    )
