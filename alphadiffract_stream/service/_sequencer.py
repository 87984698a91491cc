"""Puts answers back in the order of the raw seq_num, whatever order they arrive or finish in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any

from ..pattern import Origin
from ..prediction import Prediction, Status
from ._spool import Entry

BACKFILL = "backfill"
"""Transport of events that an archive gave."""


@dataclass(slots=True, eq=False)
class Ticket:
    """One accepted event on its way to an answer."""

    origin: Origin
    seq_num: int
    """The origin's, or a place at the end where it has none."""
    arrival: int
    received_at: float
    """Monotonic clock, s."""
    late: bool = False
    """Came after its gap was given up."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """The raw event's, for the event that answers it."""
    energy: float | None = None
    """keV."""
    energy_source: str = ""
    answer: Prediction | None = None
    queue_ms: float = 0.0
    compute_ms: float = 0.0
    registered_at: float = 0.0
    """Monotonic clock, s; later than `received_at` where it waited on disk before."""
    entry: Entry | None = None
    """Its place in the spool."""
    skipped: bool = False
    """Passed over for newer ones."""
    published: tuple[int, Status] | None = None
    """seq_num and status of its answer, once that is published."""

    @property
    def backfilled(self) -> bool:
        """Whether an archive gave it."""
        return self.origin.transport == BACKFILL

    @property
    def ready(self) -> bool:
        """Whether it is answered and, where there is a spool, would not be forgotten."""
        return self.answer is not None and (self.entry is None or self.entry.kept)

    def __lt__(self, other: Ticket) -> bool:
        return (self.seq_num, self.arrival) < (other.seq_num, other.arrival)


class Sequencer:
    """Reorder window of one run.

    A gap holds back what follows for at most `wait` seconds or `limit` events; then the later
    events go on. A straggler that comes after that is released as soon as it is answered.
    """

    def __init__(self, wait: float, limit: int, last: int = 0) -> None:
        """last: seq_num that was released last, where the run was begun before."""
        self._wait = wait
        self._limit = limit
        self._heap: list[Ticket] = []
        self._next = last + 1
        self._arrivals = last
        self._highest = last
        self._flushed = False
        self._passed: set[int] = set()
        """Numbers after `_next` that nobody waits for."""

    def __len__(self) -> int:
        return len(self._heap)

    def register(
        self,
        origin: Origin,
        received_at: float,
        now: float | None = None,
        entry: Entry | None = None,
    ) -> Ticket:
        """Take a place in the order; an event without a seq_num comes after all before it.

        now: where that is later than when it was received.
        """
        number = self._highest + 1 if origin.seq_num is None else origin.seq_num
        if not self._arrivals and number < 1:
            self._next = number  # a source that counts from 0
        self._arrivals += 1
        ticket = Ticket(
            origin,
            number,
            self._arrivals,
            received_at,
            late=number < self._next,
            registered_at=received_at if now is None else now,
            entry=entry,
        )
        self._highest = max(self._highest, number)
        heappush(self._heap, ticket)
        return ticket

    def release(self, now: float) -> list[Ticket]:
        """Answered tickets whose turn it is, in order."""
        ready = []
        while self._heap and self._heap[0].ready:
            if self._in_gap() and not self._gap_over(now):
                break
            ticket = heappop(self._heap)
            if ticket.seq_num >= self._next:
                self._go_on_after(ticket.seq_num)
            ready.append(ticket)
        return ready

    def pass_over(self, number: int) -> None:
        """This seq_num has come and is not waited for: it is no gap."""
        self._arrivals += 1
        self._highest = max(self._highest, number)
        if number == self._next:
            self._go_on_after(number)
        elif number > self._next:
            self._passed.add(number)

    def _go_on_after(self, number: int) -> None:
        if number > self._next:
            self._passed = {passed for passed in self._passed if passed > number}
        self._next = number + 1
        while self._next in self._passed:
            self._passed.remove(self._next)
            self._next += 1

    def unanswered(self) -> list[Ticket]:
        """Tickets still waiting for an answer."""
        return [ticket for ticket in self._heap if ticket.answer is None]

    def flush(self) -> None:
        """No more will come: gaps hold nothing back from now on."""
        self._flushed = True

    @property
    def deadline(self) -> float | None:
        """When the gap in front is given up; None without one."""
        if self._flushed or not self._in_gap():
            return None
        return self._gap_since() + self._wait

    @property
    def behind_gap(self) -> int:
        """How many wait for nothing but what fills the gap in front of them."""
        return len(self._heap) if self._in_gap() and not self.unanswered() else 0

    def _in_gap(self) -> bool:
        return bool(self._heap) and self._heap[0].seq_num > self._next

    def _gap_over(self, now: float) -> bool:
        if self._flushed or len(self._heap) > self._limit:
            return True
        return now >= self._gap_since() + self._wait

    def _gap_since(self) -> float:
        """The gap is known since the first event beyond it came."""
        return min(ticket.registered_at for ticket in self._heap)
