"""What telemetry costs an event, beside what the event costs: processor time, run side by side."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Iterator
from typing import Annotated
from urllib.request import ProxyHandler, build_opener

import numpy as np
import typer

from alphadiffract_stream.engines import Engine, open_engine
from alphadiffract_stream.pattern import Origin, Pattern
from alphadiffract_stream.service import Service, Settings, Telemetry
from alphadiffract_stream.sources import Message, PatternReceived, RunStarted, RunStopped
from alphadiffract_stream.telemetry import Stages

PATHS = ("/metrics", "/readyz", "/healthz", "/status")


class Memory:
    """A source of patterns already in memory, and a sink that forgets."""

    name = "memory"

    def __init__(self, n: int) -> None:
        self._n = n
        self._messages = list(self._made())

    async def __aiter__(self):
        for message in self._messages:
            yield message

    async def emit(self, name: str, document: object) -> None:
        """Forget."""

    async def close(self) -> None:
        """Nothing to do."""

    def _made(self) -> Iterator[Message]:
        axis = np.linspace(2, 40, 8192)
        yield RunStarted("r", {"uid": "r", "time": 1.0})
        for i in range(1, self._n + 1):
            line = 500 * np.exp(-(((axis - 8 - i % 50 / 10) / 0.05) ** 2)) + 5
            origin = Origin("memory", "", "r", "d", str(i), i, 1.0)
            yield PatternReceived(Pattern(line, axis, "2th_deg", 0.5, origin=origin))  # type: ignore[arg-type]
        yield RunStopped("r", self._n)


async def served(engine: Engine, n: int, watched: bool) -> float:
    """Milliseconds of processor time an event, all threads together."""
    settings = Settings(max_batch=1, metrics_port=0)
    service = Service([Memory(n)], [Memory(0)], engine, settings)
    telemetry = Telemetry(service) if watched else None
    began = time.process_time()
    await service.run()
    took = time.process_time() - began
    if telemetry:
        await telemetry.close()
    return took / n * 1e3


async def looked_at(engine: Engine, times: int = 30) -> dict[str, float]:
    """Milliseconds of processor time an answer of each path; the client's are among them.

    The golden inference of ``/readyz`` is made each time, as for one that asks every second.
    """
    settings = Settings(metrics_port=0, health_interval=1e-6)
    service = Service([], [Memory(0)], engine, settings)
    service.ready.set()
    telemetry = Telemetry(service)
    opener = build_opener(ProxyHandler({}))

    def look(path: str) -> None:
        with opener.open(telemetry.address + path, timeout=30) as answer:
            answer.read()

    found = {}
    for path in PATHS:
        await asyncio.to_thread(look, path)
        began = time.process_time()
        for _ in range(times):
            await asyncio.to_thread(look, path)
        found[path] = (time.process_time() - began) / times * 1e3
    await telemetry.close()
    return found


def observing(n: int = 200_000) -> float:
    """Microseconds for the durations of one event."""
    stages = Stages()
    began = time.process_time()
    for _ in range(n):
        stages.decode.observe(1e-4)
        since = time.monotonic()
        stages.convert.observe(time.monotonic() - since)
        stages.queue.observe(1e-3)
        stages.infer.observe(2e-3)
        stages.publish.observe(time.monotonic() - since)
        stages.latency.observe(5e-3)
    return (time.process_time() - began) / n * 1e6


def main(
    events: Annotated[int, typer.Option(help="Of each run.")] = 1000,
    runs: Annotated[int, typer.Option(help="With and without, in turn.")] = 5,
) -> None:
    """Print what was measured."""
    cost = min(observing() for _ in range(5))
    without, beside, looks = asyncio.run(_measured(events, runs))
    plain = statistics.median(without)
    print(f"an event: {plain:.3f} ms ({min(without):.3f} … {max(without):.3f})")
    ratio = statistics.median(beside) / plain - 1
    print(f"with an endpoint that nobody asks: {ratio * 100:+.1f} %")
    print(f"durations of an event: {cost:.2f} µs, {cost / plain / 10:.3f} % of it")
    for path, took in looks.items():
        print(f"{path}: {took:.2f} ms an answer; each 5 s: {took / 50:.3f} % of a core")


async def _measured(events: int, runs: int) -> tuple[list[float], list[float], dict[str, float]]:
    engine = open_engine("onnx:")
    await served(engine, events // 4, False)
    without, beside = [], []
    for _ in range(runs):
        without.append(await served(engine, events, False))
        beside.append(await served(engine, events, True))
    looks = await looked_at(engine)
    await engine.close()
    return without, beside, looks


if __name__ == "__main__":
    typer.run(main)
