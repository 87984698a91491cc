"""What a source tells the service. A run is opened, gives patterns, and is closed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..errors import PatternError
from ..pattern import Origin, Pattern


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A raw run is open (a Bluesky start document, or a source's own session)."""

    run_uid: str
    start: Mapping[str, Any] = field(default_factory=dict)
    """The raw start document, or what a plain source knows (at least ``uid`` and ``time``;
    ``start_missing`` is True where the document itself never came)."""
    data_keys: Mapping[str, Any] = field(default_factory=dict)
    """Raw data keys of the scalars that patterns will carry in ``metadata["data"]``, if known."""
    wavelength: float | None = None
    """Å, where it is known for the whole run and not only event by event."""
    wavelength_source: str = ""
    identity: str = ""
    """Where given, the uids of the prediction run follow from it and from the raw uids: a
    transport that may deliver a run twice, to this service or another, then causes no second
    answer but the same one again."""


@dataclass(frozen=True, slots=True)
class PatternReceived:
    """One raw event with a pattern in it; `pattern.origin` names run, descriptor and seq_num."""

    pattern: Pattern


@dataclass(frozen=True, slots=True)
class PatternRefused:
    """One raw event whose pattern cannot be used; answered by a ``refused`` prediction."""

    origin: Origin
    error: PatternError
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """As `Pattern.metadata`: the motors were somewhere, whatever became of the pattern."""


@dataclass(frozen=True, slots=True)
class RunStopped:
    """A raw run is closed."""

    run_uid: str
    num_events: int | None = None
    """Events of the analysed stream the raw stop document declares; None where unknown."""
    exit_status: str = "success"
    reason: str = ""
    released: bool = False
    """Another service goes on with the run and will publish its end."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """Bytes or a document that belong to no event we could name; logged and counted."""

    origin: Origin
    reason: str


@dataclass(frozen=True, slots=True)
class PatternsSkipped:
    """Patterns that were passed over for newer ones before they were read (`Source.shed`)."""

    origins: Sequence[Origin]


@dataclass(frozen=True, slots=True)
class Remember:
    """What a source must be told again (`Remembered`) to go on with an open run after a restart."""

    run_uid: str
    name: str
    document: Mapping[str, Any]


Message = (
    RunStarted
    | PatternReceived
    | PatternRefused
    | PatternsSkipped
    | RunStopped
    | Dropped
    | Remember
)


@dataclass(frozen=True, slots=True)
class Remembered:
    """A run that was open when the service ended."""

    run_uid: str
    documents: Sequence[tuple[str, Mapping[str, Any]]] = ()
    """Name and document of each `Remember` the source gave, in their order."""
    last_seq_num: int = 0
    """The highest that was accepted."""


class Source(Protocol):
    """A transport. Subscribes when constructed, so that nothing early is missed.

    Iterates until the transport ends (files) or `close` is called (sockets). A transport that
    keeps what is not acknowledged also has ``settled(run_uid)``: it is called once a run of the
    source is closed and all its answers have gone to every sink. One that can tell has
    ``trouble``: why nothing can come in now, or ""; and ``decoding``, a `Decoding`.

    One that can pass old patterns over before they are read has ``shed()``: called before the
    iteration where only the newest are wanted. It reads on while its iteration is not asked for
    more, keeps the newest and tells of the others (`PatternsSkipped`) in their place. ``shedding``
    says whether it can, with what comes now.

    One whose runs may go on after a restart has ``recall(runs)``, which takes `Remembered` runs. It
    is called before the iteration where the service keeps a spool, also with none; the source
    then gives `Remember` messages, and leaves its runs open when it is closed.
    """

    name: str

    def __aiter__(self) -> AsyncIterator[Message]: ...

    async def close(self) -> None:
        """Stop; ends the iteration. Safe to call twice."""
        ...
