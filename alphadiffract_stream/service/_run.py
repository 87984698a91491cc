"""One raw run on its way through: its account, its order and its documents."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from time import monotonic, time
from typing import Any, Protocol

from ..documents import PredictionRun
from ..pattern import Origin
from ..prediction import Latency, Prediction, failure
from ..sources import RunStopped
from ._account import RunAccount
from ._metrics import Metrics
from ._sequencer import Sequencer, Ticket

log = logging.getLogger(__name__)

_MISSING_LISTED = 10_000
"""Missing seq_nums the stop document lists; beyond, their number alone is given."""


class Emit(Protocol):
    """Sends one document to every sink.

    answers: an accepted event is answered by it. settles: the run that is done with it.
    """

    def __call__(
        self,
        name: str,
        document: Mapping[str, Any],
        *,
        answers: bool = False,
        settles: Run | None = None,
    ) -> None: ...


class Run:
    """Accepts events, takes their answers in any order, publishes them in the raw order.

    Closes itself, once, when its stop is known, every answer is out and no gap may still be
    filled; calls `closed` then.
    """

    def __init__(
        self,
        uid: str,
        documents: PredictionRun,
        sequencer: Sequencer,
        metrics: Metrics,
        *,
        stop_wait: float,
        emit: Emit,
        closed: Callable[[Run], None],
    ) -> None:
        self.uid = uid
        self.account = RunAccount()
        self.sources: set[str] = set()
        self.opened_at = time()
        self.scan_id: object = None
        self._documents = documents
        self._sequencer = sequencer
        self._metrics = metrics
        self._stop_wait = stop_wait
        self._emit = emit
        self._closed = closed
        self._stop: RunStopped | None = None
        self._stop_due = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False
        emit(*documents.start())

    def accept(self, origin: Origin, received_at: float) -> Ticket | None:
        """A place in the order; None for an event that was accepted before."""
        if not self.account.receive(origin.descriptor_uid, origin.seq_num):
            log.warning("%s came again: answered once", origin, extra=_names(origin))
            self._metrics.duplicates += 1
            return None
        self._metrics.received += 1
        ticket = self._sequencer.register(origin, received_at)
        if ticket.late:
            self.account.late += 1
            self._metrics.late += 1
            log.warning("%s came late: answered out of order", origin, extra=_names(origin))
        return ticket

    def answer(
        self, ticket: Ticket, prediction: Prediction, queue_ms: float = 0.0, compute_ms: float = 0.0
    ) -> None:
        """Give the answer to one ticket; a second answer to the same ticket is a bug."""
        if ticket.answer is not None:
            raise RuntimeError(f"{prediction.origin} is answered already")
        ticket.answer, ticket.queue_ms, ticket.compute_ms = prediction, queue_ms, compute_ms
        self.advance()

    @property
    def exit_status(self) -> str | None:
        """How the raw run ended; None while it goes on."""
        return self._stop.exit_status if self._stop else None

    def stop(self, message: RunStopped) -> None:
        """The raw run is closed; stragglers have a reorder window left to come."""
        if self._stop is None:
            self._stop = message
            self._stop_due = monotonic() + self._stop_wait
            self.account.num_events = message.num_events
            self.advance()

    def finish(self, reason: str) -> None:
        """No more will come: close as soon as what was accepted is answered."""
        if self._stop is None:
            self._stop = RunStopped(self.uid, None, "abort", reason)
        self._stop_due = 0.0
        self._sequencer.flush()
        self.advance()

    def unanswered(self) -> list[Ticket]:
        """Tickets still waiting for an answer."""
        return self._sequencer.unanswered()

    def advance(self) -> None:
        """Publish what may be published now; close if that was all; else come back in time."""
        now = monotonic()
        for ticket in self._sequencer.release(now):
            self._publish(ticket, now)
        if self._may_close(now):
            self._close(self._stop)
        else:
            self._wake_at(self._sequencer.deadline, now)

    def _publish(self, ticket: Ticket, now: float) -> None:
        assert ticket.answer is not None
        total = (now - ticket.received_at) * 1e3
        latency = Latency(ticket.queue_ms, ticket.compute_ms, total)
        prediction = replace(ticket.answer, latency=latency)
        self.account.answer(prediction.status)
        self._metrics.answer(prediction)
        if not prediction.status.predicted:
            origin = prediction.origin
            log.warning(
                "%s %s: %s", origin, prediction.status, prediction.reason, extra=_names(origin)
            )
        documents = self._compose(ticket, prediction)
        for i, (name, document) in enumerate(documents):
            self._emit(name, document, answers=i == len(documents) - 1)

    def _compose(
        self, ticket: Ticket, prediction: Prediction
    ) -> list[tuple[str, Mapping[str, Any]]]:
        energy = {"energy": ticket.energy, "energy_source": ticket.energy_source}
        try:
            return self._documents.event(prediction, ticket.metadata, **energy)
        except Exception as error:
            log.exception("%s: no event can be made of its prediction", prediction.origin)
            return self._documents.event(failure(prediction.origin, error))

    def _may_close(self, now: float) -> bool:
        if self._is_closed or self._stop is None or len(self._sequencer):
            return False
        return now >= self._stop_due or not self.account.missing

    def _close(self, stop: RunStopped | None) -> None:
        assert stop is not None
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        account = self.account.statement(_MISSING_LISTED)
        self._metrics.missing += account.missing
        documents = self._documents.stop(account, stop.exit_status, stop.reason)
        for name, document in documents if not stop.released else ():
            self._emit(name, document, settles=self)
        log.info(
            "run %s %s: received %d, predicted %d, refused %d, failed %d, missing %d",
            *(
                self.uid,
                "released" if stop.released else stop.exit_status,
                account.received,
                account.predicted,
            ),
            *(account.refused, account.failed, account.missing),
            extra={"run_uid": self.uid},
        )
        self._closed(self)

    def _wake_at(self, gap_due: float | None, now: float) -> None:
        due = [t for t in (gap_due, self._stop_due if self._stop else None) if t and t > now]
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        # A millisecond over, so that the clock has surely passed the moment waited for.
        self._timer = loop.call_later(min(due) - now + 1e-3, self.advance) if due else None


def _names(origin: Origin) -> dict[str, Any]:
    return {"run_uid": origin.run_uid, "seq_num": origin.seq_num}
