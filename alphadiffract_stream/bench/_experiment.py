"""The beamline's side of the wire: publishes events at their due times, notes when answers come.

One thread, which sleeps in `select` with microseconds' resolution and never waits for an answer
before the next event is due (an open loop). An event's latency counts from when it was *due*, so a
service, or a generator, that falls behind shows in every latency and hides none: what Gil Tene
named coordinated omission.
"""

from __future__ import annotations

import contextlib
import select
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from types import TracebackType
from typing import Any, Self

import numpy as np
import zmq

from ..errors import EngineError
from ..wire import decode_message
from ._plan import Plan
from ._scan import PREFIX, Scan, frames
from ._service import ServiceProcess
from ._timing import quiet

_ANSWERS = b"alphadiffract"
_PATIENCE = 20.0
"""s without any answer after which what is missing is given up."""


@dataclass(slots=True)
class Answered:
    """What became of one stretch of events, by seq_num."""

    due: dict[int, float] = field(default_factory=dict)
    sent: dict[int, float] = field(default_factory=dict)
    arrived: dict[int, float] = field(default_factory=dict)
    """perf_counter(), s."""
    data: dict[int, dict[str, Any]] = field(default_factory=dict)
    """Of the event that answers."""
    twice: int = 0
    stop: dict[str, Any] = field(default_factory=dict)

    @property
    def unanswered(self) -> int:
        """Events sent that no prediction came back for."""
        return len(self.sent.keys() - self.data.keys())

    @property
    def not_predicted(self) -> int:
        """Answers ``refused`` or ``failed``."""
        return sum(data["status"] in ("refused", "failed") for data in self.data.values())


class Experiment:
    """Two bound sockets: raw documents out, predictions in. Starts the service between them.

    options: more arguments of ``serve``. rcvhwm: documents its source keeps while it does not
    read them; 0: all.
    """

    def __init__(
        self, plan: Plan, engine: str, options: Sequence[str] = (), *, rcvhwm: int = 0
    ) -> None:
        self._frames = frames(plan.points, plan.seed)
        self._context = zmq.Context()
        self._out = self._context.socket(zmq.XPUB)
        self._in = self._context.socket(zmq.SUB)
        for option in (zmq.SNDHWM, zmq.LINGER):
            self._out.set(option, 0)
        self._in.set(zmq.RCVHWM, 0)
        self._in.subscribe(_ANSWERS + b" ")
        ports = [s.bind_to_random_port("tcp://127.0.0.1") for s in (self._out, self._in)]
        self.service = ServiceProcess(
            f"bluesky-zmq://127.0.0.1:{ports[0]}?prefix={PREFIX.decode()}&rcvhwm={rcvhwm}",
            f"bluesky-zmq://127.0.0.1:{ports[1]}?prefix={_ANSWERS.decode()}",
            engine,
            options,
        )
        self._file = int(self._in.get(zmq.FD))
        self._received: list[tuple[float, bytes]] = []

    def open(self) -> None:
        """Until the service runs and has subscribed. Raises EngineError."""
        self.service.wait_until_ready()
        if not self._out.poll(10_000):
            raise EngineError(f"serve did not subscribe:\n{self.service.log()}")

    def offer(self, waits: Sequence[float]) -> Answered:
        """One run of ``len(waits)`` events, each due so many seconds after the one before."""
        scan, answered = Scan(*self._frames), Answered()
        with quiet(), self._run(scan, answered):
            due = perf_counter() + 0.01
            for seq_num, wait in enumerate(waits, start=1):
                message = scan.event(seq_num)  # while waiting for its time
                due += wait
                self._receive_until(due)
                self._out.send(message)
                answered.due[seq_num], answered.sent[seq_num] = due, perf_counter()
        return answered

    def flood(self, in_flight: int, seconds: float) -> Answered:
        """One run with as many events under way as `in_flight` all the time (a closed loop)."""
        scan, answered = Scan(*self._frames), Answered()
        seq_num, begin = 0, len(self._received)
        with quiet(), self._run(scan, answered):
            end, heard = perf_counter() + seconds, perf_counter()
            while (now := perf_counter()) < end:
                # The run's start and descriptor are the first two of what was received.
                if seq_num - max(len(self._received) - begin - 2, 0) < in_flight:
                    seq_num += 1
                    self._out.send(scan.event(seq_num))
                    answered.due[seq_num] = answered.sent[seq_num] = perf_counter()
                    self._drain()
                elif self._receive_until(now + 0.05):
                    heard = now
                elif now > heard + _PATIENCE:
                    break
        return answered

    @contextlib.contextmanager
    def _run(self, scan: Scan, answered: Answered) -> Iterator[None]:
        """Open the run, hand over the answers once all have come, close the run."""
        for message in scan.opening():
            self._out.send(message)
        yield
        self._out.send(scan.stop())
        stopped = False
        while not stopped and self._receive_until(perf_counter() + _PATIENCE, first=True):
            latest = self._received[-8:]
            stopped = any(message.split(b" ", 2)[1] == b"stop" for _, message in latest)
        self.service.check()
        for arrived, message in self._received:
            _note(answered, arrived, message)
        self._received.clear()

    def _receive_until(self, due: float, *, first: bool = False) -> bool:
        """Take answers until `due` (or the `first` of them); whether any came."""
        came = False
        while not (self._drain() and (came := True) and first):
            left = due - perf_counter()
            if left <= 0:
                break
            # The descriptor tells of changes only, hence emptied above before waiting on it.
            select.select([self._file], [], [], left)
        return came

    def _drain(self) -> bool:
        before = len(self._received)
        with contextlib.suppress(zmq.Again):
            while True:
                message = self._in.recv(zmq.NOBLOCK)
                self._received.append((perf_counter(), message))
        return len(self._received) > before

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self.service:
            pass
        self._context.destroy(linger=0)


def waits(rate: float, count: int, *, at_random: bool, seed: int) -> list[float]:
    """Seconds between events: all the same, or exponential (a Poisson process)."""
    if at_random:
        return np.random.default_rng(seed).exponential(1 / rate, count).tolist()
    return [1 / rate] * count


def _note(answered: Answered, arrived: float, message: bytes) -> None:
    _, name, document = decode_message(message)
    if name == "event":
        seq_num = document["seq_num"]
        answered.twice += seq_num in answered.data
        answered.arrived.setdefault(seq_num, arrived)
        answered.data.setdefault(seq_num, document["data"])
    elif name == "stop":
        answered.stop = document
