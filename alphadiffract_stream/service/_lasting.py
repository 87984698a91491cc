"""What of one run outlives the service: all that a restart may rely on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..documents import Begun
from ..pattern import Origin
from ..prediction import Status
from ._account import RunAccount
from ._sequencer import Ticket
from ._spool import KeptRun

Named = tuple[str, Mapping[str, Any]]


class Lasting:
    """What is answered and has gone to every sink. kept: what the spool held of it."""

    def __init__(self, kept: KeptRun | None = None) -> None:
        self.last = 0
        """The highest seq_num that is answered."""
        self.delivered: set[str] = set()
        """Start and descriptor, once every sink has them."""
        self._account = RunAccount()
        self._memories: Sequence[tuple[str, str, Mapping[str, Any]]] = ()
        """Source, name and document of what the run's sources were told."""
        if kept is not None:
            self.last = kept.state["last"]
            self.delivered = set(kept.state["delivered"])
            self._account = RunAccount.of_state(kept.state["account"])
            self._memories = kept.memories

    def settle(self, ticket: Ticket) -> None:
        """Every sink has the answer to this event."""
        assert ticket.published is not None
        seq_num, status = ticket.published
        origin = ticket.origin
        self._account.receive(origin.descriptor_uid, origin.seq_num, backfilled=ticket.backfilled)
        self._account.answer(status, skipped=ticket.skipped)
        self._account.late += ticket.late
        self.last = max(self.last, seq_num)

    def pass_over(self, origin: Origin) -> None:
        """This event was passed over, and no sink is told."""
        self._account.receive(origin.descriptor_uid, origin.seq_num)
        self._account.answer(Status.REFUSED, skipped=True)

    def state(self, account: RunAccount) -> dict[str, Any]:
        """As plain values; what no answer has to be waited for is as `account` has it."""
        self._account.duplicates = account.duplicates
        self._account.num_events = account.num_events
        return {
            "account": self._account.state(),
            "last": self.last,
            "delivered": sorted(self.delivered),
        }

    def memories(self, source: str) -> list[Named]:
        """What is to be told again to this source; or, where none is of it, to any."""
        own = [(name, document) for said, name, document in self._memories if said == source]
        return own or [(name, document) for _, name, document in self._memories]

    def published(self, begun: Begun) -> list[Named]:
        """Start and descriptor, where every sink has had them."""
        documents = [("start", begun.start), ("descriptor", begun.descriptor)]
        return [(n, d) for n, d in documents if n in self.delivered and d is not None]
