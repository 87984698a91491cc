"""One message for each event of a stream that holds patterns."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial

from ...errors import DecodeError, PatternError
from ...pattern import Origin
from .._messages import Dropped, Message, PatternReceived, PatternRefused, RunStarted
from ._layout import Layout, metadata
from ._origins import Origins
from ._raw_documents import Event
from ._references import Reference
from ._run import Run, Stream
from ._runs import Runs
from ._unfilled import Unfilled

log = logging.getLogger(__name__)

_NOBODY_READ_IT = PatternError("external data", "nobody read it", "name folders with ?data=")
_NOBODY_INTEGRATED_IT = PatternError("frame", "nobody integrated it", "give ?poni=FILE")
_DUPLICATE = "event document: a duplicate of one already answered"


class Answers:
    """Makes messages of events. external: whether somebody reads files: events with external data
    then come out as `Unfilled`."""

    def __init__(self, runs: Runs, origins: Origins, *, external: bool) -> None:
        self._runs = runs
        self._origins = origins
        self._external = external

    def answer(self, stream: Stream, event: Event) -> list[Message]:
        """What an event brings about.

        Nothing where its stream holds no patterns, or where its files are not known yet.
        """
        if not stream.analysed:
            return []
        if stream.only_frames:
            return self._refuse_frames(stream, event)
        origin = self._origins.of(stream.run.uid, event)
        stream.rows.pop(event.seq_num, None)
        if stream.layout is not None and self._external and event.seq_num not in stream.seen:
            try:
                if keys := stream.layout.external(event):
                    return self._refer(stream, event, keys)
            except DecodeError as error:
                raise DecodeError(f"external data: {error}") from None
        if not stream.seen.add(event.seq_num):
            return [Dropped(origin, _DUPLICATE)]
        if stream.layout is not None and stream.layout.integrator is not None:
            return [_unfilled(stream.layout, event, origin, {})]
        try:
            return [PatternReceived(stream.pattern(event, origin))]
        except PatternError as error:
            return [PatternRefused(origin, error, metadata(stream.descriptor, event))]

    def refuse(self, stream: Stream, event: Event, error: PatternError) -> PatternRefused:
        """The refusal of an event; it counts as seen."""
        stream.seen.add(event.seq_num)
        origin = self._origins.of(stream.run.uid, event)
        return PatternRefused(origin, error, metadata(stream.descriptor, event))

    def open_with_frames(self, run: Run, stream: Stream) -> list[Message]:
        """Begin a run of which nothing is known but frames that nobody can integrate."""
        run.opened = True
        memory = self._runs.memory
        return [started(run, stream), *(memory.take(run.uid) if memory is not None else [])]

    def _refer(self, stream: Stream, event: Event, keys: list[str]) -> list[Message]:
        """The event with its references; nothing yet while they are not known."""
        assert stream.layout is not None
        found = dict[str, Reference]()
        for key in keys:
            reference = _reference(stream, event, key)
            if reference is None:
                stream.unfilled[event.seq_num] = event
                return []
            found[key] = reference
        stream.unfilled.pop(event.seq_num, None)
        stream.seen.add(event.seq_num)
        origin = self._origins.of(stream.run.uid, event)
        return [_unfilled(stream.layout, event, origin, found)]

    def _refuse_frames(self, stream: Stream, event: Event) -> list[Message]:
        """Frames that nobody can integrate; not where another stream holds the patterns."""
        run, name = stream.run, stream.descriptor.name
        if run.analysed_stream not in (None, name):
            return []
        run.analysed_stream = name
        messages = [] if run.opened else self.open_with_frames(run, stream)
        stream.rows.pop(event.seq_num, None)
        if event.seq_num in stream.seen:
            return [Dropped(self._origins.of(run.uid, event), _DUPLICATE)]
        assert stream.problem is not None
        return [*messages, self.refuse(stream, event, stream.problem)]


def started(run: Run, stream: Stream) -> RunStarted:
    """The beginning of a run whose patterns are in `stream`."""
    start = run.start
    if start is None:
        log.warning("run %s: its start document never came", run.uid)
        start = {"uid": run.uid, "time": stream.descriptor.time, "start_missing": True}
    return RunStarted(run.uid, start, stream.data_keys(), *stream.beam())


def _reference(stream: Stream, event: Event, key: str) -> Reference | None:
    value = event.data.get(key)
    shape = tuple(stream.descriptor.data_keys[key].shape or ())
    if isinstance(value, str):
        return stream.run.references.of_datum(value, shape)
    return stream.run.references.of_row(stream.descriptor.uid, key, event.seq_num, shape)


def _unfilled(
    layout: Layout, event: Event, origin: Origin, found: Mapping[str, Reference]
) -> Unfilled:
    return Unfilled(
        origin,
        _NOBODY_READ_IT if found else _NOBODY_INTEGRATED_IT,
        metadata(layout.descriptor, event),
        references=found,
        complete=partial(layout.filled, event, origin),
        axis_from="" if layout.axis or layout.integrator else layout.intensity,
    )
