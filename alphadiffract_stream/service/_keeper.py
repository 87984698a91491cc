"""What a run asks of the service around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from ._sequencer import Ticket

R = TypeVar("R", contravariant=True)
"""A run, whatever that is: what keeps it is written before it."""
Delivered = Callable[[], None]


class Emit(Protocol):
    """Sends one document to every sink; calls `delivered` once each has it or has lost it."""

    def __call__(
        self, name: str, document: Mapping[str, Any], delivered: Delivered | None = None
    ) -> None: ...


class Keeper(Protocol[R]):
    """Told what becomes of a run."""

    def answered(self, run: R, ticket: Ticket, since: float) -> None:
        """Every sink has the event's answer, which was published at `since` (monotonic, s)."""
        ...

    def changed(self, run: R, *, documents: bool = False) -> None:
        """Something that must outlive the service has changed."""
        ...

    def holds(self, run: R) -> bool:
        """Whether it outlives the service, as far as it is to: what is published of it then stays
        true after a restart."""
        ...

    def unkept(self, run: R) -> int:
        """How many of its events would not outlive the service now."""
        ...

    def fills(self, run: R) -> bool:
        """Whether what is missing of it is being fetched; asked when nothing else keeps it open.
        `Run.advance` is called once that has ended."""
        ...

    def cut_short(self, run: R) -> bool:
        """Whether the service ends before that was done."""
        ...

    def settled(self, run: R) -> None:
        """Every sink has the stop document."""
        ...

    def closed(self, run: R) -> None:
        """Nothing more will be published of it by this service."""
        ...
