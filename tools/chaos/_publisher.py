"""The experiment: publishes the truth, and tells how far it is."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import zmq

from ._processes import Service
from ._published import Published
from ._truth import TrueRun, Truth

_TAKEN_WITHIN = 2.0
"""s after which an acknowledged batch is sent again."""
_STOPPED_WITHIN = 4.0
_PAUSED = 0.7
"""Chance that a scan nobody acknowledges is paused before a burst while the service is down: else
a machine on which restarts take long would hear nothing at all."""
_PATIENCE = 240.0
"""s after which the service has failed to take something."""


class NotTaken(Exception):  # noqa: N818 - a finding
    """The service does not take what is sent; says what."""


class Publisher:
    """An XPUB socket, which is bluesky's PUB that hears its proxy subscribe; connected to it.

    progress: is told how many events were published so far, for the first time each.
    """

    def __init__(
        self,
        address: str,
        seed: int,
        service: Service,
        published: Published,
        progress: Callable[[int], None],
    ) -> None:
        self.sent: dict[tuple[str, int | str], float] = {}
        """When each event, opening and stop was sent last: by run and seq_num, "open" or "stop"."""
        self.again = 0
        """Batches that had to be sent again."""
        self._rng = random.Random(f"publisher {seed}")  # noqa: S311 - not for secrets
        self._service = service
        self._published = published
        self._progress = progress
        self._count = 0
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.XPUB)
        self._socket.set(zmq.SNDHWM, 0)
        self._socket.set(zmq.LINGER, 0)
        self._socket.connect(address)
        if not self._socket.poll(int(1000 * _PATIENCE)):
            raise NotTaken("the proxy did not subscribe")

    def publish(self, truth: Truth, *, acknowledged: bool, rate: float) -> None:
        """Every run, one after the other. Raises NotTaken."""
        for run in truth.runs:
            if acknowledged:
                self._until_taken(run)
            else:
                self._once(run, rate)

    def close(self) -> None:
        """Let go of the socket."""
        self._context.destroy(linger=0)

    # Once, at its time

    def _once(self, run: TrueRun, rate: float) -> None:
        """In bursts, since a backlog is what a dying service would lose."""
        self._open(run)
        done = 0
        while done < len(run):
            if self._rng.random() < _PAUSED:
                self._until_somebody_listens()
            burst = run.events[done : done + self._rng.randint(1, 40)]
            self._send_events(run, done, len(burst), first=True)
            done += len(burst)
            time.sleep(len(burst) / rate)
        self._stop(run)

    def _until_somebody_listens(self) -> None:
        until = time.monotonic() + _PATIENCE
        while self._service.status() is None and time.monotonic() < until:
            time.sleep(0.05)

    # Until it is taken

    def _until_taken(self, run: TrueRun) -> None:
        self._open(run)
        done = 0
        while done < len(run):
            number = min(self._rng.randint(1, 64), len(run) - done)
            self._send_events(run, done, number, first=True)
            until = time.monotonic() + _PATIENCE
            while not self._taken(run, done + number):
                self._give_up_after(until, f"events {done + 1} to {done + number} of run {run.uid}")
                self.again += 1
                self._open(run)
                self._send_events(run, done, number, first=False)
            done += number
        self._stop(run)
        until = time.monotonic() + _PATIENCE
        while not self._closed(run):
            self._give_up_after(until, f"the stop document of run {run.uid}")
            self._stop(run)

    def _taken(self, run: TrueRun, number: int) -> bool:
        until = time.monotonic() + _TAKEN_WITHIN
        while time.monotonic() < until:
            status = self._service.status()
            for account in status["runs"] if status else ():
                if account["uid"] == run.uid and account["received"] - account["unkept"] >= number:
                    return True
            time.sleep(0.02)
        return False

    def _closed(self, run: TrueRun) -> bool:
        until = time.monotonic() + _STOPPED_WITHIN
        while time.monotonic() < until:
            if self._published.stopped(run.uid):
                return True
            time.sleep(0.02)
        return False

    def _give_up_after(self, until: float, what: str) -> None:
        if time.monotonic() > until:
            raise NotTaken(f"{what}: not taken in {_PATIENCE:g} s")

    # Documents

    def _open(self, run: TrueRun) -> None:
        for message in run.opening:
            self._socket.send(message)
        self.sent[run.uid, "open"] = time.monotonic()

    def _stop(self, run: TrueRun) -> None:
        self._socket.send(run.stop)
        self.sent[run.uid, "stop"] = time.monotonic()

    def _send_events(self, run: TrueRun, done: int, number: int, *, first: bool) -> None:
        for event in run.events[done : done + number]:
            self._socket.send(event.message)
            self.sent[run.uid, event.seq_num] = time.monotonic()
            if first:
                self._count += 1
                self._progress(self._count)
