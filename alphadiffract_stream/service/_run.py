"""One raw run on its way through: its account, its order and its documents."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from time import monotonic, time
from typing import Any

from ..documents import PredictionRun
from ..pattern import Origin
from ..prediction import Latency, Prediction, Status, failure
from ..sources import RunStarted, RunStopped
from ._account import RunAccount
from ._keeper import Emit, Keeper
from ._lasting import Lasting
from ._metrics import Metrics
from ._run_record import began_value, begun_value, stop_of, stop_value
from ._sequencer import BACKFILL, Sequencer, Ticket
from ._spool import Entry, KeptRun, RunRow

log = logging.getLogger(__name__)

_MISSING_LISTED = 10_000
"""Missing seq_nums the stop document lists; beyond, their number alone is given."""
_BACKFILLED = "backfilled"
"""Flag of predictions of what an archive gave."""


class Run:
    """Accepts events, takes their answers in any order, publishes them in the raw order.

    Closes itself, once, when its stop is known, every answer is out and no gap may still be
    filled; tells its `keeper` then. kept: what the spool held of it, where it was begun before.
    """

    def __init__(
        self,
        began: RunStarted,
        documents: PredictionRun,
        sequencer: Sequencer,
        metrics: Metrics,
        *,
        stop_wait: float,
        emit: Emit,
        keeper: Keeper[Run],
        kept: KeptRun | None = None,
        flags: tuple[str, ...] = (),
    ) -> None:
        """flags: added to every prediction."""
        self.uid = began.run_uid
        self.account = RunAccount()
        self.sources: set[str] = set()
        self.opened_at = time()
        self.scan_id: object = began.start.get("scan_id")
        self.heard = False
        """Whether anything was heard of it since it was taken up."""
        self.suspended = False
        """Whether it goes on when the service is started again."""
        self._began = began
        self._flags = flags
        self._lasting = Lasting(kept)
        self._documents = documents
        self._sequencer = sequencer
        self._metrics = metrics
        self._stop_wait = stop_wait
        self._emit = emit
        self._keeper = keeper
        self._stop: RunStopped | None = None
        self._stop_due = 0.0
        self._stop_lasts = True
        """Whether `_stop` holds after a restart, too."""
        self._timer: asyncio.TimerHandle | None = None
        self._is_begun = self._is_closed = False
        if kept is not None:
            self._restore(kept)
        keeper.changed(self, documents=True)
        self._begin()

    def admit(self, origin: Origin) -> bool:
        """Count one event in; False for one that was accepted before."""
        self.heard = True
        backfilled = origin.transport == BACKFILL
        if not self.account.receive(origin.descriptor_uid, origin.seq_num, backfilled=backfilled):
            log.warning("%s came again: answered once", origin, extra=_names(origin))
            self._metrics.duplicates += 1
            return False
        self._metrics.received += 1
        return True

    def pass_over(self, origin: Origin) -> None:
        """Count one event that was passed over for newer ones before anybody read it."""
        self.heard = True
        if not self.account.receive(origin.descriptor_uid, origin.seq_num):
            self._metrics.duplicates += 1
            return
        self._metrics.skip()
        self.account.answer(Status.REFUSED, skipped=True)
        self._lasting.pass_over(origin)
        if origin.seq_num is not None:
            self._sequencer.pass_over(origin.seq_num)

    def register(self, origin: Origin, received_at: float, entry: Entry | None = None) -> Ticket:
        """A place in the order for an event that was admitted."""
        ticket = self._sequencer.register(origin, received_at, monotonic(), entry)
        if ticket.late:
            self.account.late += 1
            self._metrics.late += 1
            level = logging.DEBUG if ticket.backfilled else logging.WARNING
            log.log(level, "%s came late: answered out of order", origin, extra=_names(origin))
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
    def unkept(self) -> int:
        """Events received that would not outlive the service now."""
        return self._keeper.unkept(self)

    @property
    def exit_status(self) -> str | None:
        """How the raw run ended; None while it goes on."""
        return self._stop.exit_status if self._stop else None

    def stop(self, message: RunStopped) -> None:
        """The raw run is closed; stragglers have a reorder window left to come."""
        self.heard = True
        if self._stop is None:
            self._stop = message
            self._stop_due = monotonic() + self._stop_wait
            self.account.num_events = message.num_events
            self._keeper.changed(self)
            self.advance()

    def suspend(self) -> None:
        """The service ends and the run does not: publish no end, once all is answered.

        Nor does one that has stopped, where what is missing may still be fetched.

        What waits for a gap to be filled waits on in the spool: what fills it may still come.
        """
        unfilled = self.account.missing and self._keeper.cut_short(self)
        self.suspended = self.suspended or self._stop is None or bool(unfilled)
        if not self.suspended:
            self._sequencer.flush()
        self._end("")

    def finish(self, reason: str) -> None:
        """No more will come: close as soon as what was accepted is answered."""
        self._sequencer.flush()
        self._end(reason)

    def _end(self, reason: str) -> None:
        if self._stop is None:
            self._stop = RunStopped(self.uid, None, "abort", reason)
            self._stop_lasts = not self.suspended
            self._keeper.changed(self)
        self._stop_due = 0.0
        self.advance()

    def unanswered(self) -> list[Ticket]:
        """Tickets still waiting for an answer."""
        return self._sequencer.unanswered()

    def advance(self) -> None:
        """Publish what may be published now; close if that was all; else come back in time."""
        if not self._begin():
            return
        now = monotonic()
        for ticket in self._sequencer.release(now):
            self._publish(ticket, now)
        if self._may_close(now):
            self._close(self._stop)
        else:
            self._wake_at(self._sequencer.deadline, now)

    def _begin(self) -> bool:
        """Publish start and descriptor as soon as a restart would know of them."""
        if self._is_begun or not self._keeper.holds(self):
            return self._is_begun
        self._is_begun = True
        begun = self._documents.begun()
        for name, document in (("start", begun.start), ("descriptor", begun.descriptor)):
            if name not in self._lasting.delivered and document is not None:
                self._emit(name, document, partial(self._has, name))
        return True

    def _publish(self, ticket: Ticket, now: float) -> None:
        assert ticket.answer is not None
        total = (now - ticket.received_at) * 1e3
        latency = Latency(ticket.queue_ms, ticket.compute_ms, total)
        prediction = replace(ticket.answer, latency=latency)
        flags = (*self._flags, *((_BACKFILLED,) if ticket.backfilled else ()))
        if flags:
            prediction = replace(prediction, flags=(*prediction.flags, *flags))
        self.account.answer(prediction.status, skipped=ticket.skipped)
        self._metrics.skipped += ticket.skipped
        self._metrics.answer(prediction)
        if not prediction.status.predicted and not ticket.skipped:
            origin = prediction.origin
            log.warning(
                "%s %s: %s", origin, prediction.status, prediction.reason, extra=_names(origin)
            )
        documents = self._compose(ticket, prediction)
        for name, document in documents[:-1]:
            self._keeper.changed(self, documents=True)
            self._emit(name, document, partial(self._has, name))
        ticket.published = documents[-1][1]["seq_num"], prediction.status
        self._emit(*documents[-1], partial(self._keeper.answered, self, ticket, now))

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
        if self._is_closed or self._stop is None:
            return False
        if self.suspended:
            return self.account.waiting == self._sequencer.behind_gap
        if self.account.waiting:
            return False
        if not self.account.missing:
            return True
        return now >= self._stop_due and (self.released or not self._keeper.fills(self))

    def _close(self, stop: RunStopped | None) -> None:
        assert stop is not None
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        account = self.account.statement(_MISSING_LISTED)
        state = stop.exit_status
        if self.suspended:
            state = "goes on when the service is started again"
        elif stop.released:
            state = "released"
        else:
            self._metrics.missing += account.missing
            for name, document in self._documents.stop(account, stop.exit_status, stop.reason):
                self._emit(name, document, partial(self._keeper.settled, self))
        log.info(
            "run %s %s: received %d, predicted %d, refused %d, failed %d, missing %d",
            *(self.uid, state, account.received, account.predicted),
            *(account.refused, account.failed, account.missing),
            extra={"run_uid": self.uid},
        )
        self._keeper.closed(self)

    # What outlives the service

    @property
    def released(self) -> bool:
        """Whether another service goes on with it."""
        return self._stop is not None and self._stop.released

    def settle(self, ticket: Ticket) -> None:
        """Every sink has the answer to this event."""
        self._lasting.settle(ticket)

    def record(self, documents: bool) -> RunRow:
        """Everything a restart needs, with start and descriptor or without."""
        state = {
            **self._lasting.state(self.account),
            "sources": sorted(self.sources),
            "opened_at": self.opened_at,
            "stop": stop_value(self._stop) if self._stop and self._stop_lasts else None,
        }
        if not documents:
            return RunRow(self.uid, state=state)
        return RunRow(
            self.uid, began_value(self._began), begun_value(self._documents.begun()), state
        )

    def memories(self, source: str) -> list[tuple[str, Mapping[str, Any]]]:
        """What is to be told again to this source; or, where none is of it, to any."""
        return self._lasting.memories(source)

    def give_up(self, after: float) -> None:
        """Nothing was heard of it for `after` s after a restart: nothing more will come."""
        if not self.heard:
            self.finish(f"nothing came of it for {after:g} s after the service was restarted")

    def published(self) -> tuple[list[tuple[str, Mapping[str, Any]]], int]:
        """Documents every sink has had, and the highest seq_num that was accepted."""
        known = self._lasting.published(self._documents.begun())
        return known, max(self._lasting.last, self.account.highest)

    def _restore(self, kept: KeptRun) -> None:
        state = kept.state
        self.account = RunAccount.of_state(state["account"])
        self.sources = set(state["sources"])
        self.opened_at = state["opened_at"]
        for descriptor_uid, seq_num in kept.open_events:
            self.account.receive(descriptor_uid, seq_num)
        self._metrics.received += len(kept.open_events)
        if state["stop"] is not None:
            self._stop = stop_of(state["stop"])
            self._stop_due = monotonic() + self._stop_wait

    def _has(self, name: str) -> None:
        self._lasting.delivered.add(name)
        self._keeper.changed(self)

    def _wake_at(self, gap_due: float | None, now: float) -> None:
        due = [t for t in (gap_due, self._stop_due if self._stop else None) if t and t > now]
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        # A millisecond over, so that the clock has surely passed the moment waited for.
        self._timer = loop.call_later(min(due) - now + 1e-3, self.advance) if due else None


def _names(origin: Origin) -> dict[str, Any]:
    return {"run_uid": origin.run_uid, "seq_num": origin.seq_num}
