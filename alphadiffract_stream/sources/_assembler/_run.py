"""What the assembler remembers of one run and its streams."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...errors import PatternError
from ...pattern import Origin, Pattern
from ._keys import OURS
from ._layout import FramesError, Layout, make_layout
from ._raw_documents import Descriptor, Event, Stop
from ._reading import Reading
from ._references import References
from ._seen import SequenceSet


@dataclass(slots=True, eq=False)
class Run:
    """One raw run from its first document to its stop."""

    uid: str
    deadline: float | None
    """When to stop waiting for the start document, or for events after the stop."""
    start: Mapping[str, Any] | None = None
    stop: Stop | None = None
    late: bool = False
    """Whether the start document was waited for in vain."""
    opened: bool = False
    """Whether `RunStarted` was sent."""
    analysed_stream: str | None = None
    streams: list[Stream] = field(default_factory=list)
    references: References = field(default_factory=References)

    @property
    def waiting(self) -> bool:
        """Whether events wait for the start document."""
        return any(stream.early is not None for stream in self.streams)

    @property
    def declared(self) -> int | None:
        """Events of the analysed stream by the stop document; None where it does not say."""
        if self.stop is None or self.stop.num_events is None or self.analysed_stream is None:
            return None
        return self.stop.num_events.get(self.analysed_stream, 0)

    @property
    def complete(self) -> bool:
        """Whether everything the stop document counts has come."""
        if self.undescribed:
            return False
        return sum(len(stream.seen) for stream in self.streams) >= (self.declared or 0)

    @property
    def undescribed(self) -> dict[str, int]:
        """Streams the stop document counts events of whose descriptor has not come."""
        counts = (self.stop.num_events or {}) if self.stop else {}
        known = {stream.descriptor.name for stream in self.streams}
        return {name: n for name, n in counts.items() if n and name not in known | {OURS}}

    def summary(self) -> str:
        """Streams and their data keys, for the log."""
        streams = (
            f"{s.descriptor.name} ({', '.join(s.descriptor.data_keys)})" for s in self.streams
        )
        return "; ".join(streams)[:500] or "no streams"


@dataclass(slots=True, eq=False)
class Stream:
    """One descriptor and its events."""

    descriptor: Descriptor
    run: Run
    early: list[Event] | None = field(default_factory=list)
    """Events that wait for the start document; None once that is settled."""
    layout: Layout | None = None
    problem: PatternError | None = None
    """Why no event of an analysed stream can be read."""
    seen: SequenceSet = field(default_factory=SequenceSet)
    external_told: bool = False
    """Whether the log has been told that external data is not read."""
    unfilled: dict[int, Event] = field(default_factory=dict)
    """Events, by seq_num, until somebody has said where their arrays lie."""
    rows: dict[int, float] = field(default_factory=dict)
    """Rows that have come before their event, by seq_num, and when to go on without it."""

    @property
    def analysed(self) -> bool:
        """Whether this stream holds patterns, readable or not."""
        return self.layout is not None or self.problem is not None

    def use(self, intensity: str, start: Mapping[str, Any], reading: Reading) -> None:
        """Analyse this stream. Raises PatternError where its documents do not say how."""
        self.layout = make_layout(
            self.descriptor,
            intensity,
            start,
            reading.keys,
            reading.wavelength,
            files=reading.external,
            integrator=reading.integrator,
        )

    @property
    def only_frames(self) -> bool:
        """Whether it holds frames that nothing is there to integrate with: another stream of the
        run may hold the patterns."""
        return isinstance(self.problem, FramesError)

    @property
    def only_rows(self) -> bool:
        """Whether there may be no events at all: nothing would be in them."""
        return all(key.external == "STREAM:" for key in self.descriptor.data_keys.values())

    def pattern(self, event: Event, origin: Origin) -> Pattern:
        """The pattern in `event`. Raises PatternError."""
        if self.layout is None:
            assert self.problem is not None
            raise self.problem
        return self.layout.pattern(event, origin)

    def beam(self) -> tuple[float | None, str]:
        """Wavelength (Å) of the whole stream and its source; None where each event says it."""
        if self.layout is None or self.layout.beam.event_keys:
            return None, ""
        return self.layout.beam.wavelength, self.layout.beam.source

    def data_keys(self) -> dict[str, dict[str, Any]]:
        """Raw data keys of the scalars, for whoever publishes them again."""
        return {
            name: key.model_dump(exclude_none=True)
            for name, key in self.descriptor.data_keys.items()
            if key.dtype in ("number", "integer", "string", "boolean") and not key.external
        }
