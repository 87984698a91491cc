"""Sources, sinks and engines in memory, for tests of the service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from alphadiffract_stream.errors import EngineError, PatternError
from alphadiffract_stream.pattern import Origin, Pattern, RadialUnit
from alphadiffract_stream.prediction import ModelCard, Outputs
from alphadiffract_stream.sources import (
    Message,
    PatternReceived,
    PatternRefused,
    Remembered,
    RunStarted,
    RunStopped,
)

AXIS = np.linspace(1.5, 8.0, 200)
FLOOR = 4.0
"""Å: `EchoEngine` answers a = FLOOR + the pattern's marker."""


class MemorySource:
    """Gives what it is told, then ends; or, `endless`, waits to be closed."""

    def __init__(
        self, items: Iterable[Message | float], *, name: str = "memory", endless: bool = False
    ) -> None:
        """A number among `items` is a pause in seconds."""
        self.name = name
        self.closed = asyncio.Event()
        self._items = items
        self._endless = endless

    async def __aiter__(self) -> AsyncIterator[Message]:
        for item in self._items:
            if self.closed.is_set():
                return
            if isinstance(item, int | float):
                await asyncio.sleep(item)
            else:
                yield item
        if self._endless:
            await self.closed.wait()

    async def close(self) -> None:
        self.closed.set()


class LastingSource(MemorySource):
    """One whose runs go on after a restart; keeps what it is told of them."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.recalled: list[Remembered] = []

    def recall(self, runs: Sequence[Remembered]) -> None:
        self.recalled = list(runs)


class MemorySink:
    """Keeps documents."""

    def __init__(self, name: str = "kept") -> None:
        self.name = name
        self.documents: list[tuple[str, dict[str, Any]]] = []
        self.closed = 0

    async def emit(self, name: str, document: Mapping[str, Any]) -> None:
        self.documents.append((name, dict(document)))

    async def close(self) -> None:
        self.closed += 1

    def of(self, name: str) -> list[dict[str, Any]]:
        return [document for kind, document in self.documents if kind == name]

    @property
    def seq_nums(self) -> list[int]:
        return [event["seq_num"] for event in self.of("event")]

    @property
    def statuses(self) -> dict[int, str]:
        return {event["seq_num"]: event["data"]["status"] for event in self.of("event")}


class EchoEngine:
    """Answers with the marker of the pattern, so that a mixed-up answer is seen.

    Waits `delays` in turn; raises EngineError at the calls numbered in `failing` (from 0).
    """

    name = "echo"
    card = ModelCard(
        name="echo",
        version="1",
        sha256="0",
        training_set="none",
        members=1,
        parameters=1,
        embedding_width=1,
        minimum_coverage=0.0,
    )

    def __init__(
        self,
        *,
        delays: Iterable[float] = (0.0,),
        failing: Iterable[int] = (),
        max_batch: int = 64,
    ) -> None:
        self.max_batch = max_batch
        self.batches: list[int] = []
        self.in_flight = self.most_in_flight = 0
        self._delays = list(delays)
        self._failing = set(failing)

    def run(self, patterns: np.ndarray) -> Outputs:
        n = len(patterns)
        system = np.zeros((n, 7), np.float32)
        system[:, 6] = 1
        group = np.zeros((n, 230), np.float32)
        group[:, 224] = 1
        lattice = np.full((n, 6), 90, np.float32)
        lattice[:, :3] = FLOOR + patterns.max(axis=1, keepdims=True)
        zeros = np.zeros
        return Outputs(
            system,
            zeros((n, 7), np.float32),
            group,
            zeros((n, 230), np.float32),
            lattice,
            zeros((n, 6), np.float32),
            zeros((n, 1), np.float32),
        )

    async def infer(self, patterns: np.ndarray) -> Outputs:
        call = len(self.batches)
        self.batches.append(len(patterns))
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await asyncio.sleep(self._delays[call % len(self._delays)])
        finally:
            self.in_flight -= 1
        if call in self._failing:
            raise EngineError("the engine is out of order")
        return self.run(patterns)

    async def close(self) -> None: ...


def origin(seq_num: int | None, run: str = "run", descriptor: str = "d") -> Origin:
    return Origin("memory", "here", run, descriptor, f"e{seq_num}", seq_num, 1.7e9)


def marked(seq_num: int, run: str = "run", descriptor: str = "d") -> PatternReceived:
    """A good pattern whose marker is ``seq_num % 50 + 1``."""
    intensity = np.interp(AXIS, [1.5, 4.0, 8.0], [0.0, marker(seq_num), 0.0])
    metadata = {"data": {"motor": float(seq_num)}, "timestamps": {"motor": 1.7e9}}
    return PatternReceived(
        Pattern(
            intensity,
            AXIS,
            RadialUnit.D_ANGSTROM,
            origin=origin(seq_num, run, descriptor),
            metadata=metadata,
        )
    )


def marker(seq_num: int) -> float:
    return seq_num % 50 + 1.0


def constant(seq_num: int, run: str = "run") -> PatternReceived:
    """A pattern the grid refuses."""
    return PatternReceived(
        Pattern(np.ones(AXIS.size), AXIS, RadialUnit.D_ANGSTROM, origin=origin(seq_num, run))
    )


def unreadable(seq_num: int, run: str = "run") -> PatternRefused:
    """A pattern the source refuses."""
    error = PatternError("wavelength", "unknown", "pass --energy or --wavelength")
    return PatternRefused(origin(seq_num, run), error)


def started(run: str = "run") -> RunStarted:
    return RunStarted(run, {"uid": run, "time": 1.7e9, "scan_id": 5, "sample_name": "lime"})


def stopped(num_events: int | None = None, run: str = "run") -> RunStopped:
    return RunStopped(run, num_events)


async def until(condition: Callable[[], Any], patience: float = 30) -> None:
    """Wait until `condition` holds, at most `patience` s."""
    async with asyncio.timeout(patience):
        while not condition():  # noqa: ASYNC110 - counters tell nobody when they change
            await asyncio.sleep(0.001)
