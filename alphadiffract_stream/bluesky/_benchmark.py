"""What the callback costs the thread of the RunEngine, beside a bare run.

python -m alphadiffract_stream.bluesky._benchmark [--events N] [--rate HZ] [--points N] [--rounds N]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import bluesky.plans as bp
import numpy as np
from bluesky import RunEngine
from ophyd import Component, Device, Signal
from ophyd.status import DeviceStatus

from ._callback import AlphaDiffractCallback

Document = dict[str, Any]


class PacedDetector(Device):
    """Patterns at a fixed rate; without one as fast as they are asked for."""

    intensity = Component(Signal, kind="normal")
    two_theta = Component(Signal, kind="config")
    energy_kev = Component(Signal, value=20.0, kind="config")

    def __init__(self, points: int, rate: float | None, *, name: str) -> None:
        super().__init__(name=name)
        two_theta = np.linspace(4.0, 21.0, points)
        lines = np.random.default_rng(0).uniform(5.5, 19.5, 20)
        heights = np.exp(-(((two_theta[:, None] - lines) / 0.03) ** 2)).sum(axis=1)
        random = np.random.default_rng(1)
        self._patterns = random.poisson(20 + 10_000 * heights, (32, points)).astype(float)
        self._period = 0.0 if rate is None else 1 / rate
        self._due = 0.0
        self._taken = 0
        self.two_theta.put(two_theta)
        self.intensity.put(self._patterns[0])

    def trigger(self) -> DeviceStatus:
        """Expose until the next frame is due."""
        now = time.perf_counter()
        time.sleep(max(0.0, self._due - now))
        self._due = max(self._due, now) + self._period
        self._taken += 1
        self.intensity.put(self._patterns[self._taken % len(self._patterns)])
        status = DeviceStatus(self)
        status.set_finished()
        return status


class Timed:
    """How long a callback kept the RunEngine's thread for each event."""

    def __init__(self, callback: Callable[[str, Document], Any]) -> None:
        self.seconds: list[float] = []
        self.used: list[float] = []
        """Of the processor: what other programs on the machine do not lengthen."""
        self._callback = callback

    def __call__(self, name: str, document: Document) -> None:
        """Pass a document on."""
        began, used = time.perf_counter(), time.thread_time()
        self._callback(name, document)
        if name == "event":
            self.used.append(time.thread_time() - used)
            self.seconds.append(time.perf_counter() - began)


def measure(events: int, rate: float | None, points: int, with_callback: bool) -> Document:
    """One run: events/s, and the time `__call__` took, ms."""
    engine = RunEngine({}, context_managers=[])
    detector: Any = PacedDetector(points, rate, name="detector")
    callback = AlphaDiffractCallback(drain_timeout=0, queue_size=10_000) if with_callback else None
    timed = Timed(callback or (lambda name, document: None))
    engine.subscribe(timed)
    try:
        engine(bp.count([detector], num=10))
        timed.seconds.clear()
        timed.used.clear()
        began = time.perf_counter()
        engine(bp.count([detector], num=events))
        wall = time.perf_counter() - began
        if callback is not None:
            callback.wait(120)
            refused = callback.metrics.refused + callback.metrics.failed
            drained = time.perf_counter() - began - wall
        else:
            refused, drained = 0, 0.0
    finally:
        if callback is not None:
            callback.close()
        engine.loop.call_soon_threadsafe(engine.loop.stop)
    each = 1e3 * np.array(timed.seconds)
    return {
        "ms_an_event": 1e3 * wall / events,
        "call_ms_p50": float(np.percentile(each, 50)),
        "call_ms_mean": float(each.mean()),
        "call_ms_p99": float(np.percentile(each, 99)),
        "call_cpu_ms_mean": 1e3 * float(np.mean(timed.used)),
        "refused": refused,
        "drained_s": drained,
    }


def main() -> None:
    """Run bare and with the callback, in turn; print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=100.0, help="events a second; 0: no limit")
    parser.add_argument("--points", type=int, default=8192)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    rate = given.rate or None
    rounds: dict[bool, list[Document]] = {False: [], True: []}
    for _ in range(given.rounds):
        for with_callback in (False, True):
            found = measure(given.events, rate, given.points, with_callback)
            rounds[with_callback].append(found)
            print(json.dumps({"callback": with_callback, **found}), flush=True)
    bare, ours = (min(r["ms_an_event"] for r in rounds[w]) for w in (False, True))
    print(json.dumps({"bare_ms": bare, "callback_ms": ours, "ratio": ours / bare}))


if __name__ == "__main__":
    main()
