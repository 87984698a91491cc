"""Bluesky documents in, messages out, whatever order they come in. Pure: no I/O, no waiting.

Used by every transport that carries documents. Nothing is raised for what comes in, and every
event ends in exactly one message: a pattern, a refusal or a drop with its reason; only events of
streams that hold no patterns are passed over.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ...errors import DecodeError
from ...integration import Integrator
from ...pattern import Origin
from .._messages import Dropped, Message, Remembered, RunStopped
from ._answers import Answers
from ._course import Course
from ._external import EXTERNAL, External
from ._keys import OURS, PatternKeys
from ._memory import Memory, after_start
from ._origins import Origins
from ._raw_documents import Descriptor, Event, EventHead, Start, Stop, read, unpack_page
from ._reading import Reading
from ._run import Stream
from ._runs import Runs
from ._waiting import Waiting

_REMEMBERED = {"start", "descriptor", "stop", *EXTERNAL}


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
        self._patience = patience
        self._clock = clock
        self._waiting = Waiting(max_waiting)
        reading = Reading(keys, wavelength, external, integrator)
        self._runs = runs = Runs(patience, replay_after, clock)
        self._origins = origins = Origins(Origin(transport, name), runs.streams)
        answers = Answers(runs, origins, external=external)
        self._external = External(runs, answers, clock, read=external)
        self._answers = answers
        self._course = Course(runs, origins, answers, self._external, reading, max_runs)

    @property
    def deadline(self) -> float | None:
        """When `expire` is due next, on the assembler's clock; None while nothing waits."""
        times = [run.deadline for run in self._runs if run.deadline is not None]
        if (oldest := self._waiting.oldest) is not None:
            times.append(oldest + self._patience)
        times += [due for stream in self._runs.streams.values() for due in stream.rows.values()]
        return min(times, default=None)

    def feed(self, doc_name: str, doc: Any) -> list[Message]:
        """What one document brings about. Never raises for what the document is."""
        messages = self.expire()
        try:
            told = self._take(doc_name, doc)
        except DecodeError as error:
            reason = f"{doc_name} document: {error}"
            return [*messages, Dropped(self._origins.of_unread(doc), reason)]
        if self._runs.memory is not None and doc_name in _REMEMBERED:
            told = self._remember(self._runs.memory, doc_name, doc, told)
        return [*messages, *told]

    def expire(self) -> list[Message]:
        """What comes of documents that have waited long enough."""
        now = self._clock()
        expired = self._waiting.older_than(now - self._patience)
        messages: list[Message] = [self._origins.orphan(event) for event in expired]
        for stream in list(self._runs.streams.values()):
            messages += self._external.rows_alone(stream, now)
        for run in self._runs:
            if run.deadline is not None and run.deadline <= now:
                messages += self._course.give_up_waiting(run)
        return messages

    def finish(self) -> list[Message]:
        """The transport has ended: nothing more will come for what still waits."""
        messages: list[Message] = [self._origins.orphan(event) for event in self._waiting.all()]
        for run in self._runs:
            messages += self._course.open(run)
            if run.stop is not None:
                messages += self._course.stopped(run)
            else:
                reason = "the source ended before the run's stop document"
                messages += self._course.close(run, "fail", reason)
        return messages

    def recall(self, runs: Iterable[Remembered]) -> list[Message]:
        """Go on with `runs`; from now on say what must be remembered of each (`Remember`)."""
        messages: list[Message] = []
        for remembered in runs:
            for name, document in remembered.documents:
                try:
                    messages += self._take(name, document)
                except DecodeError as error:
                    reason = f"{name} document kept of run {remembered.run_uid}: {error}"
                    messages.append(Dropped(self._origins.source, reason))
            if run := self._runs.get(remembered.run_uid):
                messages += self._course.go_on_with_frames(run)
        self._runs.memory = self._runs.memory or Memory()
        return messages

    def suspend(self) -> list[Message]:
        """The end for now: what came is told, and runs that have not stopped stay open."""
        memory = self._runs.memory
        if memory is None:
            return self.finish()
        messages: list[Message] = [self._origins.orphan(event) for event in self._waiting.all()]
        for run in self._runs:
            messages += self._course.open(run)
            if run.stop is None:
                messages += self._external.give_up(run)
            else:
                messages += self._course.stopped(run)
            messages += memory.take(run.uid) if run.opened else []
        return messages

    def skip(self, said: Mapping[str, Any]) -> Origin | None:
        """Pass one event over of which nothing but its `EventHead` is known.

        None for one that must be fed: of a run that has not begun, known already, or none of ours.
        """
        stream = self._runs.streams.get(str(said.get("descriptor")))
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
        return self._origins.of(stream.run.uid, event)

    def follows(self, run_uid: str) -> bool:
        """Whether this run has begun and is not closed."""
        return run_uid in self._runs

    def release(self, run_uids: Iterable[str]) -> list[Message]:
        """Another reader goes on with these runs; should they come back, they begin anew."""
        messages: list[Message] = []
        for uid in run_uids:
            if run := self._runs.get(uid):
                self._runs.forget(uid)
                if run.opened:
                    messages.append(RunStopped(uid, released=True))
        return messages

    def _remember(
        self, memory: Memory, doc_name: str, doc: Mapping[str, Any], told: list[Message]
    ) -> list[Message]:
        if doc_name in EXTERNAL:
            run = self._runs.of_external(doc_name, doc)
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
            case name if name in EXTERNAL:
                return self._elsewhere(name, doc)
        raise DecodeError("unknown document name")

    def _start(self, doc: Mapping[str, Any]) -> list[Message]:
        uid = read(Start, doc).uid
        analysis = doc.get("analysis")
        if isinstance(analysis, str) and analysis == OURS:
            self._runs.passed_over.add(uid)
            self._runs.forget(uid)
            return []
        self._runs.restart(uid)
        run = self._runs.get_or_add(uid)
        if run.start is not None:
            raise DecodeError(f"run {uid} has started already")
        run.start = doc
        return [*self._course.begin(run), *self._course.evict()]

    def _descriptor(self, descriptor: Descriptor) -> list[Message]:
        if descriptor.run_start in self._runs.passed_over or descriptor.name == OURS:
            self._runs.passed_over.add(descriptor.uid)
            self._waiting.take(descriptor.uid)
            return []
        self._runs.refuse_closed(descriptor.run_start)
        if descriptor.uid in self._runs.streams:
            raise DecodeError(f"descriptor {descriptor.uid} has come already")
        run = self._runs.get_or_add(descriptor.run_start)
        stream = Stream(descriptor, run, early=self._waiting.take(descriptor.uid))
        self._runs.add_stream(stream)
        return [*self._course.begin(run), *self._course.evict()]

    def _event(self, event: Event) -> list[Message]:
        if event.descriptor in self._runs.passed_over:
            return []
        if event.descriptor in self._runs.closed:
            raise DecodeError("its run is closed already")
        stream = self._runs.streams.get(event.descriptor)
        if stream is None:
            full = self._waiting.add(event, self._clock())
            return [self._origins.orphan(one) for one in full]
        opened: list[Message] = []
        if stream.early is not None:
            if len(stream.early) < self._waiting.limit:
                stream.early.append(event)
                return []
            stream.run.late = True
            opened = self._course.open(stream.run)
        answered = self._answers.answer(stream, event)
        return [*opened, *answered, *self._course.stop_if_complete(stream.run)]

    def _event_page(self, doc: Mapping[str, Any]) -> list[Message]:
        messages: list[Message] = []
        for row in unpack_page(doc):
            try:
                messages += self._event(read(Event, row))
            except DecodeError as error:
                reason = f"event_page document: {error}"
                messages.append(Dropped(self._origins.of_unread(row), reason))
        return messages

    def _stop(self, stop: Stop) -> list[Message]:
        uid = stop.run_start
        if uid in self._runs.passed_over:
            return []
        self._runs.refuse_closed(uid)
        run = self._runs.get_or_add(uid)
        if run.stop is not None:
            raise DecodeError(f"run {uid} has stopped already")
        run.stop = stop
        run.deadline = self._clock() + self._patience
        return [*self._course.stop_if_complete(run), *self._course.evict()]

    def _elsewhere(self, name: str, doc: Mapping[str, Any]) -> list[Message]:
        run = self._runs.of_external(name, doc)
        if run is None:
            return []
        answered = self._external.take(run, name, doc)
        return [*answered, *self._course.stop_if_complete(run)]
