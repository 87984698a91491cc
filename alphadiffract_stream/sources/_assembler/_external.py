"""Documents that say where external data lies, and events that wait for them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

from ...errors import DecodeError, PatternError
from .._messages import Message
from ._answers import Answers
from ._raw_documents import Event
from ._references import MOST_ROWS
from ._run import Run, Stream
from ._runs import Runs

EXTERNAL = {"resource", "datum", "datum_page", "stream_resource", "stream_datum"}
"""Names of documents that say where external data lies."""
_EVENT_WAIT = 0.25
"""s that a row of a stream without any data of its own waits for its event."""


class External:
    """Brings events and what says where their arrays lie together. read: whether anybody reads
    them."""

    def __init__(
        self, runs: Runs, answers: Answers, clock: Callable[[], float], *, read: bool
    ) -> None:
        self._runs = runs
        self._answers = answers
        self._clock = clock
        self._read = read

    def take(self, run: Run, name: str, doc: Mapping[str, Any]) -> list[Message]:
        """Answers to the events that waited for this document of `run`."""
        if not self._read:
            return self._not_read(name, doc)
        datum = run.references.take(name, doc)
        stream = self._runs.streams.get(datum.descriptor) if datum else None
        if datum is not None and stream is not None:
            self._await_events(stream, range(datum.seq_nums.start, datum.seq_nums.stop))
        return [
            message
            for one in run.streams
            for event in list(one.unfilled.values())
            for message in self._answers.answer(one, event)
        ]

    def rows_alone(self, stream: Stream, now: float) -> list[Message]:
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
            messages += self._answers.answer(stream, event)
        return messages

    def give_up(self, run: Run) -> list[Message]:
        """No document will say any more where the arrays of these events lie."""
        value = "no datum or stream_datum said where it lies"
        error = PatternError("external data", value, "check the detector's file writer")
        messages: list[Message] = []
        for stream in run.streams:
            messages += self.rows_alone(stream, math.inf)
            waited = list(stream.unfilled.values())
            messages += [self._answers.refuse(stream, event, error) for event in waited]
            stream.unfilled.clear()
        return messages

    def _await_events(self, stream: Stream, seq_nums: range) -> None:
        if len(stream.rows) > MOST_ROWS:
            raise DecodeError(f"{len(stream.rows)} rows wait for their events already")
        due = self._clock() + _EVENT_WAIT if stream.only_rows else math.inf
        for seq_num in seq_nums:
            if seq_num not in stream.unfilled and seq_num not in stream.seen:
                stream.rows.setdefault(seq_num, due)

    def _not_read(self, name: str, doc: Mapping[str, Any]) -> list[Message]:
        stream = self._runs.streams.get(str(doc.get("descriptor")))
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
