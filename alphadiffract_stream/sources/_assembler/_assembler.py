"""Bluesky documents in, messages out, whatever order they come in. Pure: no I/O, no waiting.

Used by every transport that carries documents. Nothing is raised for what comes in, and every
event ends in exactly one message: a pattern, a refusal or a drop with its reason; only events of
streams that hold no patterns are passed over.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from ...errors import DecodeError, PatternError
from ...integration import Integrator
from ...pattern import Origin
from .._messages import (
    Dropped,
    Message,
    PatternReceived,
    PatternRefused,
    Remembered,
    RunStarted,
    RunStopped,
)
from ._keys import OURS, PatternKeys, RunHints, find_intensity, may_hold_patterns
from ._layout import Layout, metadata
from ._memory import Memory, after_start
from ._raw_documents import Descriptor, Event, EventHead, Start, Stop, read, unpack_page
from ._recent import Recent
from ._references import MOST_ROWS, Reference
from ._run import Run, Stream
from ._unfilled import Unfilled
from ._waiting import Waiting

log = logging.getLogger(__name__)

_EXTERNAL = {"resource", "datum", "datum_page", "stream_resource", "stream_datum"}
"""Where external data lies."""
_REMEMBERED = {"start", "descriptor", "stop", *_EXTERNAL}
_EVENT_WAIT = 0.25
"""s that a row of a stream without any data of its own waits for its event."""
_NOBODY_READ_IT = PatternError("external data", "nobody read it", "name folders with ?data=")
_NOBODY_INTEGRATED_IT = PatternError("frame", "nobody integrated it", "give ?poni=FILE")


class Assembler:
    """Follows every run in a stream of documents.

    A run is opened (`RunStarted`) with the first descriptor of a stream that holds patterns, so
    that runs without any leave no trace. Only that stream is analysed. Runs this package
    published itself are passed over.

    keys: which data keys to read; what is None is found by name, unit and shape.
    transport, name: for the origin of what comes out.
    wavelength: Å, the operator's; used where the documents name none.
    patience: s that documents wait for the start or descriptor they refer to, and a stop document
    for the events it counts.
    max_waiting: events that may wait for their descriptor, all runs together.
    max_runs: runs that may be open; beyond it the oldest is closed as aborted.
    external: whether somebody reads files: events with external data then come out as `Unfilled`,
    and else are refused.
    integrator: for frames of a detector, which then come out as `Unfilled` as well; without one
    they are refused.
    replay_after: s after which the start of a closed run is taken for a replay and the run begins
    anew; before, for a document that came twice.
    """

    def __init__(
        self,
        keys: PatternKeys,
        transport: str,
        name: str,
        wavelength: float | None,
        *,
        patience: float = 2.0,
        max_waiting: int = 1000,
        max_runs: int = 64,
        external: bool = False,
        integrator: Integrator | None = None,
        replay_after: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keys = keys
        self._source = Origin(transport, name)
        self._wavelength = wavelength
        self._patience = patience
        self._max_runs = max_runs
        self._external = external
        self._integrator = integrator
        self._replay_after = replay_after
        self._clock = clock
        self._runs: dict[str, Run] = {}
        self._streams: dict[str, Stream] = {}
        """By descriptor uid, of the runs in `_runs`."""
        self._waiting = Waiting(max_waiting)
        self._closed = Recent(1000)
        """Run and descriptor uids that were closed."""
        self._passed_over = Recent(1000)
        """Run and descriptor uids of our own predictions."""
        self._memory: Memory | None = None

    @property
    def deadline(self) -> float | None:
        """When `expire` is due next, on the assembler's clock; None while nothing waits."""
        times = [run.deadline for run in self._runs.values() if run.deadline is not None]
        if (oldest := self._waiting.oldest) is not None:
            times.append(oldest + self._patience)
        times += [due for stream in self._streams.values() for due in stream.rows.values()]
        return min(times, default=None)

    def feed(self, doc_name: str, doc: Any) -> list[Message]:
        """What one document brings about. Never raises for what the document is."""
        messages = self.expire()
        try:
            told = self._take(doc_name, doc)
        except DecodeError as error:
            return [*messages, Dropped(self._origin_of(doc), f"{doc_name} document: {error}")]
        if self._memory is not None and doc_name in _REMEMBERED:
            told = self._remember(self._memory, doc_name, doc, told)
        return [*messages, *told]

    def expire(self) -> list[Message]:
        """What comes of documents that have waited long enough."""
        now = self._clock()
        expired = self._waiting.older_than(now - self._patience)
        messages: list[Message] = [self._orphan(event) for event in expired]
        for stream in list(self._streams.values()):
            messages += self._rows_alone(stream, now)
        for run in list(self._runs.values()):
            if run.deadline is not None and run.deadline <= now:
                messages += self._give_up_waiting(run)
        return messages

    def finish(self) -> list[Message]:
        """The transport has ended: nothing more will come for what still waits."""
        messages: list[Message] = [self._orphan(event) for event in self._waiting.all()]
        for run in list(self._runs.values()):
            messages += self._open(run)
            if run.stop is not None:
                messages += self._stopped(run)
            else:
                reason = "the source ended before the run's stop document"
                messages += self._close(run, "fail", reason)
        return messages

    def recall(self, runs: Iterable[Remembered]) -> list[Message]:
        """Go on with `runs`; from now on say what must be remembered of each (`Remember`)."""
        messages: list[Message] = []
        for run in runs:
            for name, document in run.documents:
                try:
                    messages += self._take(name, document)
                except DecodeError as error:
                    reason = f"{name} document kept of run {run.run_uid}: {error}"
                    messages.append(Dropped(self._source, reason))
            messages += self._go_on_with_frames(run.run_uid)
        self._memory = self._memory or Memory()
        return messages

    def suspend(self) -> list[Message]:
        """The end for now: what came is told, and runs that have not stopped stay open."""
        if self._memory is None:
            return self.finish()
        messages: list[Message] = [self._orphan(event) for event in self._waiting.all()]
        for run in list(self._runs.values()):
            messages += self._open(run)
            messages += self._give_up_files(run) if run.stop is None else self._stopped(run)
            messages += self._memory.take(run.uid) if run.opened else []
        return messages

    def skip(self, said: Mapping[str, Any]) -> Origin | None:
        """Pass one event over of which nothing but its `EventHead` is known.

        None for one that must be fed: of a run that has not begun, known already, or none of ours.
        """
        stream = self._streams.get(str(said.get("descriptor")))
        if stream is None or stream.early is not None or not stream.analysed:
            return None
        if stream.only_frames:  # whether it is answered depends on the run's other streams
            return None
        try:
            event = read(EventHead, said)
        except DecodeError:
            return None
        if not stream.seen.add(event.seq_num):
            return None
        stream.rows.pop(event.seq_num, None)
        return self._origin(stream.run.uid, event)

    def follows(self, run_uid: str) -> bool:
        """Whether this run has begun and is not closed."""
        return run_uid in self._runs

    def release(self, run_uids: Iterable[str]) -> list[Message]:
        """Another reader goes on with these runs; should they come back, they begin anew."""
        messages: list[Message] = []
        for uid in run_uids:
            if run := self._runs.get(uid):
                self._forget(uid)
                if run.opened:
                    messages.append(RunStopped(uid, released=True))
        return messages

    def _remember(
        self, memory: Memory, doc_name: str, doc: Mapping[str, Any], told: list[Message]
    ) -> list[Message]:
        if doc_name in _EXTERNAL:
            run = self._run_of_external(doc_name, doc)
        else:
            run = self._runs.get(doc["uid" if doc_name == "start" else "run_start"])
        if run is None:
            return told
        memory.add(run.uid, doc_name, doc)
        return after_start(told, memory.take(run.uid)) if run.opened else told

    def _take(self, doc_name: str, doc: Any) -> list[Message]:
        if not isinstance(doc, Mapping):
            raise DecodeError(f"must be a mapping, not {type(doc).__name__}")
        match doc_name:
            case "start":
                return self._start(doc)
            case "descriptor":
                return self._descriptor(read(Descriptor, doc))
            case "event":
                return self._event(read(Event, doc))
            case "event_page":
                return self._event_page(doc)
            case "stop":
                return self._stop(read(Stop, doc))
            case name if name in _EXTERNAL:
                return self._elsewhere(name, doc)
        raise DecodeError("unknown document name")

    # --- documents -----------------------------------------------------------------------------

    def _start(self, doc: Mapping[str, Any]) -> list[Message]:
        uid = read(Start, doc).uid
        analysis = doc.get("analysis")
        if isinstance(analysis, str) and analysis == OURS:
            self._passed_over.add(uid)
            self._forget(uid)
            return []
        closed = self._closed.time(uid)
        if closed is not None and self._clock() < closed + self._replay_after:
            raise DecodeError(f"run {uid} is closed already")
        self._closed.discard(uid)
        run = self._run(uid)
        if run.start is not None:
            raise DecodeError(f"run {uid} has started already")
        run.start = doc
        return [*self._begin(run), *self._evict()]

    def _descriptor(self, descriptor: Descriptor) -> list[Message]:
        if descriptor.run_start in self._passed_over or descriptor.name == OURS:
            self._passed_over.add(descriptor.uid)
            self._waiting.take(descriptor.uid)
            return []
        if descriptor.run_start in self._closed:
            raise DecodeError(f"run {descriptor.run_start} is closed already")
        if descriptor.uid in self._streams:
            raise DecodeError(f"descriptor {descriptor.uid} has come already")
        self._closed.discard(descriptor.uid)
        run = self._run(descriptor.run_start)
        stream = Stream(descriptor, run)
        run.streams.append(stream)
        self._streams[descriptor.uid] = stream
        stream.early = self._waiting.take(descriptor.uid)
        return [*self._begin(run), *self._evict()]

    def _event(self, event: Event) -> list[Message]:
        if event.descriptor in self._passed_over:
            return []
        if event.descriptor in self._closed:
            raise DecodeError("its run is closed already")
        stream = self._streams.get(event.descriptor)
        if stream is None:
            full = self._waiting.add(event, self._clock())
            return [self._orphan(e) for e in full]
        if stream.early is not None:
            if len(stream.early) < self._waiting.limit:
                stream.early.append(event)
                return []
            stream.run.late = True
            opened = self._open(stream.run)
            answered = self._answer(stream, event)
            return [*opened, *answered, *self._stop_if_complete(stream.run)]
        return [*self._answer(stream, event), *self._stop_if_complete(stream.run)]

    def _event_page(self, doc: Mapping[str, Any]) -> list[Message]:
        messages: list[Message] = []
        for row in unpack_page(doc):
            try:
                messages += self._event(read(Event, row))
            except DecodeError as error:
                reason = f"event_page document: {error}"
                messages.append(Dropped(self._origin_of(row), reason))
        return messages

    def _stop(self, stop: Stop) -> list[Message]:
        uid = stop.run_start
        if uid in self._passed_over:
            return []
        if uid in self._closed:
            raise DecodeError(f"run {uid} is closed already")
        run = self._run(uid)
        if run.stop is not None:
            raise DecodeError(f"run {uid} has stopped already")
        run.stop = stop
        run.deadline = self._clock() + self._patience
        return [*self._stop_if_complete(run), *self._evict()]

    # --- external data -------------------------------------------------------------------------

    def _elsewhere(self, name: str, doc: Mapping[str, Any]) -> list[Message]:
        run = self._run_of_external(name, doc)
        if run is None:
            return []
        if not self._external:
            return self._not_read(name, doc)
        datum = run.references.take(name, doc)
        stream = self._streams.get(datum.descriptor) if datum else None
        messages: list[Message] = []
        if datum is not None and stream is not None:
            if len(stream.rows) > MOST_ROWS:
                raise DecodeError(f"{len(stream.rows)} rows wait for their events already")
            due = self._clock() + _EVENT_WAIT if stream.only_rows else math.inf
            for seq_num in range(datum.seq_nums.start, datum.seq_nums.stop):
                if seq_num not in stream.unfilled and seq_num not in stream.seen:
                    stream.rows.setdefault(seq_num, due)
        for one in run.streams:
            for event in list(one.unfilled.values()):
                messages += self._answer(one, event)
        return [*messages, *self._stop_if_complete(run)]

    def _run_of_external(self, name: str, doc: Mapping[str, Any]) -> Run | None:
        """Resources may name their run; else it is the one that began last."""
        if isinstance(uid := doc.get("run_start"), str):
            return self._runs.get(uid)
        if name == "stream_datum":
            stream = self._streams.get(str(doc.get("descriptor")))
            return stream.run if stream else None
        if name in ("resource", "stream_resource"):
            return next(reversed(self._runs.values()), None)
        holders = (run for run in self._runs.values() if run.references.holds(doc))
        return next(holders, None)

    def _not_read(self, name: str, doc: Mapping[str, Any]) -> list[Message]:
        stream = self._streams.get(str(doc.get("descriptor")))
        if name != "stream_datum" or stream is None:
            return []
        elsewhere = stream.run.analysed_stream not in (None, stream.descriptor.name)
        if not stream.analysed or stream.external_told or (stream.only_frames and elsewhere):
            return []
        stream.external_told = True
        raise DecodeError(
            "external data is not read; its events are counted as missing. Name the folders it "
            "may lie in with ?data=FOLDER"
        )

    def _refer(self, stream: Stream, event: Event, keys: list[str]) -> list[Message]:
        """The event with its references; nothing yet while they are not known."""
        assert stream.layout is not None
        layout, found = stream.layout, dict[str, Reference]()
        for key in keys:
            value = event.data.get(key)
            shape = tuple(stream.descriptor.data_keys[key].shape or ())
            if isinstance(value, str):
                reference = stream.run.references.of_datum(value, shape)
            else:
                uid, seq_num = stream.descriptor.uid, event.seq_num
                reference = stream.run.references.of_row(uid, key, seq_num, shape)
            if reference is None:
                stream.unfilled[event.seq_num] = event
                return []
            found[key] = reference
        stream.unfilled.pop(event.seq_num, None)
        stream.seen.add(event.seq_num)
        return [self._unfilled(layout, event, self._origin(stream.run.uid, event), found)]

    @staticmethod
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

    def _rows_alone(self, stream: Stream, now: float) -> list[Message]:
        """Rows that have waited long enough for an event are answered without it."""
        messages: list[Message] = []
        for seq_num in [n for n, due in stream.rows.items() if due <= now]:
            event = Event(
                uid=f"{stream.descriptor.uid}/{seq_num}",
                descriptor=stream.descriptor.uid,
                time=time.time(),
                seq_num=seq_num,
                data={},
            )
            messages += self._answer(stream, event)
        return messages

    def _give_up_files(self, run: Run) -> list[Message]:
        """No document will say any more where the arrays of these events lie."""
        messages: list[Message] = []
        for stream in run.streams:
            messages += self._rows_alone(stream, math.inf)
            for event in list(stream.unfilled.values()):
                stream.seen.add(event.seq_num)
                value = "no datum or stream_datum said where it lies"
                error = PatternError("external data", value, "check the detector's file writer")
                origin = self._origin(run.uid, event)
                messages.append(PatternRefused(origin, error, metadata(stream.descriptor, event)))
            stream.unfilled.clear()
        return messages

    # --- runs ----------------------------------------------------------------------------------

    def _run(self, uid: str) -> Run:
        if uid not in self._runs:
            self._runs[uid] = Run(uid, deadline=self._clock() + self._patience)
        return self._runs[uid]

    def _begin(self, run: Run) -> list[Message]:
        """Open the run if its start document is here, or was waited for in vain."""
        if run.start is None and not run.late:
            return []
        if run.stop is None:
            run.deadline = None
        return [*self._open(run), *self._stop_if_complete(run)]

    def _open(self, run: Run) -> list[Message]:
        """Settle which streams are analysed, with the start document or without; answer events."""
        messages: list[Message] = []
        for stream in run.streams:
            if stream.early is None:
                continue
            early, stream.early = stream.early, None
            self._settle(stream)
            if stream.analysed and not stream.only_frames and not run.opened:
                run.opened = True
                messages.append(self._started(run, stream))
            for event in early:
                messages += self._answer(stream, event)
        return messages

    def _settle(self, stream: Stream) -> None:
        """Find out whether `stream` is the one that holds the patterns, and how to read it."""
        run, name = stream.run, stream.descriptor.name
        if run.analysed_stream not in (None, name) or not may_hold_patterns(stream.descriptor):
            return
        start = run.start or {}
        try:
            named = RunHints.of(start).over(self._keys).intensity
            frames = self._integrator is not None
            intensity = find_intensity(stream.descriptor, named, frames=frames)
            if intensity is None:
                return
            stream.use(
                intensity,
                start,
                self._keys,
                self._wavelength,
                files=self._external,
                integrator=self._integrator,
            )
        except PatternError as error:
            stream.problem = error
        if not stream.only_frames:
            run.analysed_stream = name

    def _started(self, run: Run, stream: Stream) -> RunStarted:
        start = run.start
        if start is None:
            descriptor = stream.descriptor
            log.warning("run %s: its start document never came", run.uid)
            start = {"uid": run.uid, "time": descriptor.time, "start_missing": True}
        return RunStarted(run.uid, start, stream.data_keys(), *stream.beam())

    def _answer(self, stream: Stream, event: Event) -> list[Message]:
        if not stream.analysed:
            return []
        if stream.only_frames:
            return self._refuse_frames(stream, event)
        origin = self._origin(stream.run.uid, event)
        stream.rows.pop(event.seq_num, None)
        if stream.layout is not None and self._external and event.seq_num not in stream.seen:
            try:
                if keys := stream.layout.external(event):
                    return self._refer(stream, event, keys)
            except DecodeError as error:
                raise DecodeError(f"external data: {error}") from None
        if not stream.seen.add(event.seq_num):
            return [Dropped(origin, "event document: a duplicate of one already answered")]
        if stream.layout is not None and stream.layout.integrator is not None:
            return [self._unfilled(stream.layout, event, origin, {})]
        try:
            return [PatternReceived(stream.pattern(event, origin))]
        except PatternError as error:
            return [PatternRefused(origin, error, metadata(stream.descriptor, event))]

    def _refuse_frames(self, stream: Stream, event: Event) -> list[Message]:
        """Frames that nobody can integrate; not where another stream holds the patterns."""
        run, name = stream.run, stream.descriptor.name
        if run.analysed_stream not in (None, name):
            return []
        run.analysed_stream = name
        messages = [] if run.opened else self._open_with_frames(run, stream)
        origin = self._origin(run.uid, event)
        stream.rows.pop(event.seq_num, None)
        if not stream.seen.add(event.seq_num):
            return [Dropped(origin, "event document: a duplicate of one already answered")]
        assert stream.problem is not None
        about = metadata(stream.descriptor, event)
        return [*messages, PatternRefused(origin, stream.problem, about)]

    def _open_with_frames(self, run: Run, stream: Stream) -> list[Message]:
        run.opened = True
        remembered = self._memory.take(run.uid) if self._memory is not None else []
        return [self._started(run, stream), *remembered]

    def _go_on_with_frames(self, run_uid: str) -> list[Message]:
        """A run that is remembered was opened, if only to refuse its frames."""
        run = self._runs.get(run_uid)
        if run is None or run.opened:
            return []
        streams = [stream for stream in run.streams if stream.only_frames]
        return self._open_with_frames(run, streams[0]) if streams else []

    def _stop_if_complete(self, run: Run) -> list[Message]:
        if run.stop is None or run.waiting or not run.complete:
            return []
        return self._stopped(run)

    def _give_up_waiting(self, run: Run) -> list[Message]:
        """The start document, or the events a stop document counts, will not come any more."""
        run.deadline, run.late = None, True
        messages = self._open(run)
        if run.stop is not None:
            messages += self._stopped(run)
        return messages

    def _stopped(self, run: Run) -> list[Message]:
        assert run.stop is not None
        return self._close(run, run.stop.exit_status, run.stop.reason or "", run.declared)

    def _close(
        self, run: Run, exit_status: str, reason: str, num_events: int | None = None
    ) -> list[Message]:
        before = self._give_up_files(run)
        self._forget(run.uid)
        now = self._clock()
        for uid in (run.uid, *(stream.descriptor.uid for stream in run.streams)):
            self._closed.add(uid, now)
        if run.opened:
            return [*before, RunStopped(run.uid, num_events, exit_status, reason)]
        lost = run.undescribed
        if not lost:
            log.info("run %s has no patterns: %s", run.uid, run.summary())
            return []
        streams = ", ".join(f"{count} events of stream {name!r}" for name, count in lost.items())
        origin = Origin(self._source.transport, self._source.name, run.uid)
        return [Dropped(origin, f"stop document: {streams} whose descriptor never came")]

    def _forget(self, run_uid: str) -> None:
        if self._memory is not None:
            self._memory.forget(run_uid)
        run = self._runs.pop(run_uid, None)
        for stream in run.streams if run else ():
            self._streams.pop(stream.descriptor.uid, None)

    def _evict(self) -> list[Message]:
        messages: list[Message] = []
        while len(self._runs) > self._max_runs:
            oldest = next(iter(self._runs.values()))
            messages += self._open(oldest)
            reason = f"no stop document, and {self._max_runs} newer runs"
            messages += self._close(oldest, "abort", reason)
        return messages

    # --- origins -------------------------------------------------------------------------------

    def _origin(self, run_uid: str | None, event: EventHead) -> Origin:
        place = self._source
        return Origin(
            place.transport,
            place.name,
            run_uid,
            event.descriptor,
            event.uid,
            event.seq_num,
            event.time,
        )

    def _origin_of(self, doc: Any) -> Origin:
        """As much as a document that could not be used says of itself."""
        if not isinstance(doc, Mapping):
            return self._source
        place = self._source
        uid, descriptor, seq_num = doc.get("run_start"), doc.get("descriptor"), doc.get("seq_num")
        stream = self._streams.get(descriptor) if isinstance(descriptor, str) else None
        return Origin(
            place.transport,
            place.name,
            stream.run.uid if stream else uid if isinstance(uid, str) else None,
            descriptor if isinstance(descriptor, str) else None,
            event_uid if isinstance(event_uid := doc.get("uid"), str) else None,
            seq_num if isinstance(seq_num, int) else None,
        )

    def _orphan(self, event: Event) -> Dropped:
        return Dropped(
            self._origin(None, event),
            f"event document: its descriptor {event.descriptor} never came; "
            "the scan began before this listened, or the document was lost",
        )
