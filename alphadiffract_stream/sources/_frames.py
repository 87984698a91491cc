"""Plain 0MQ messages, ``[JSON header, raw array]``, for senders without Bluesky.

``frames://host:port`` connects, ``?bind=yes`` binds; PULL by default (no pattern is dropped on
the way), ``?socket=sub`` subscribes. See docs/reference/wire.md.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import zmq
from pydantic import ConfigDict, Field, ValidationError

from ..errors import DecodeError, PatternError
from ..pattern import Origin
from ..urls import Url
from ..wire import DEFAULT_MAX_MESSAGE, CurveOptions, read_options
from ._assembler import Recent, SequenceSet
from ._decoding import Decoding
from ._frame_header import (
    Defaults,
    Identity,
    StartHeader,
    StopHeader,
    fault,
    read_header,
    read_pattern_frames,
)
from ._messages import (
    Dropped,
    Message,
    PatternReceived,
    PatternRefused,
    Remember,
    Remembered,
    RunStarted,
    RunStopped,
)
from ._rate import Rate
from ._receiver import Closed, Receiver

TRANSPORT = "frames"
_MAX_RUNS = 64


class Options(CurveOptions):
    """The query part of the URL."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bind: bool = False
    socket: Literal["pull", "sub"] = "pull"
    rcvhwm: Annotated[int, Field(ge=0)] = 1000
    """Patterns kept while they are not read; 0: without limit."""
    max_message: Annotated[int, Field(ge=1)] = DEFAULT_MAX_MESSAGE
    """Bytes."""
    max_rate: Annotated[float, Field(ge=1, allow_inf_nan=False)] = 20_000
    """Messages a second of one run, above which they are dropped."""


@dataclass(slots=True)
class _Run:
    uid: str
    defaults: Defaults = field(default_factory=Defaults)
    seen: SequenceSet = field(default_factory=SequenceSet)
    next_seq_num: int = 1


class FrameReader:
    """Messages of frames to messages of ours: pure, bounded, never raises for what comes in.

    A run begins with its start header, or with its first pattern where none was sent; patterns
    that name no run belong to one run that begins with the first of them.
    """

    def __init__(
        self, name: str, wavelength: float | None, max_message: int, max_rate: float = 20_000
    ) -> None:
        self._rate = Rate(max_rate)
        self._origin = Origin(TRANSPORT, name)
        self._wavelength = wavelength
        self._max_message = max_message
        self._runs: dict[str, _Run] = {}
        self._closed = Recent(1000)
        self._session = str(uuid.uuid4())
        self._remembering = False

    def recall(self, runs: Sequence[Remembered]) -> None:
        """Go on with `runs`; from now on say what must be remembered of each (`Remember`)."""
        self._remembering = True
        for run in runs:
            for _, said in run.documents:
                defaults = Defaults.model_validate(said.get("defaults", {}))
                next_seq_num = run.last_seq_num + 1
                self._runs[run.run_uid] = _Run(run.run_uid, defaults, next_seq_num=next_seq_num)
                if said.get("nameless"):
                    self._session = run.run_uid

    def read(self, frames: list[bytes]) -> list[Message]:
        """What one multipart message brings about."""
        try:
            size = sum(map(len, frames))
            if size > self._max_message:
                raise DecodeError(f"{size} bytes, more than {self._max_message}")
            identity, rest = read_header(frames[0])
            if self._rate.exceeded(identity.run or self._session):
                raise DecodeError(f"more than {self._rate.most:g} messages a second (?max_rate=)")
            match identity.kind:
                case "start":
                    return self._start(identity, rest)
                case "stop":
                    return self._stop(identity, rest)
                case _:
                    return self._pattern(identity, rest, frames[1:])
        except DecodeError as error:
            return [Dropped(self._origin, str(error))]

    def finish(self) -> list[Message]:
        """Close what is open: nothing more will come, unless after a restart."""
        if self._remembering:
            return []
        reason = "the source ended before the run's stop message"
        runs, self._runs = list(self._runs), {}
        return [RunStopped(uid, None, "fail", reason) for uid in runs]

    def _start(self, identity: Identity, rest: Mapping[str, Any]) -> list[Message]:
        uid = identity.run or self._new_session()
        if uid in self._runs:
            raise DecodeError(f"start: run {uid} has started already")
        try:
            header = StartHeader.model_validate(rest)
        except ValidationError as error:
            named, value, remedy = fault(error)
            raise DecodeError(f"start header {named}: {value}; {remedy}") from None
        defaults = Defaults.model_validate(
            header.model_dump(include=set(Defaults.model_fields), exclude_none=True)
        )
        start = {**header.metadata, "uid": uid, "time": identity.time or time.time()}
        if header.sample is not None:
            start["sample"] = header.sample
        return self._open(uid, start, defaults)

    def _stop(self, identity: Identity, rest: Mapping[str, Any]) -> list[Message]:
        uid = identity.run or self._session
        if uid not in self._runs:
            raise DecodeError(f"stop: run {uid} is not open")
        try:
            header = StopHeader.model_validate(rest)
        except ValidationError as error:
            named, value, remedy = fault(error)
            raise DecodeError(f"stop header {named}: {value}; {remedy}") from None
        self._forget(uid)
        return [RunStopped(uid, header.num_events, header.exit_status, header.reason)]

    def _pattern(
        self, identity: Identity, rest: Mapping[str, Any], frames: list[bytes]
    ) -> list[Message]:
        uid = identity.run or self._session
        if uid in self._closed:
            raise DecodeError(f"pattern: run {uid} is closed; a start header begins it anew")
        messages: list[Message] = []
        if uid not in self._runs:
            start = {"uid": uid, "time": identity.time or time.time()}
            messages += self._open(uid, start, Defaults())
        run = self._runs[uid]
        seq_num = run.next_seq_num if identity.seq_num is None else identity.seq_num
        run.next_seq_num = max(run.next_seq_num, seq_num + 1)
        place = self._origin
        origin = Origin(place.transport, place.name, uid, seq_num=seq_num, time=identity.time)
        if not run.seen.add(seq_num):
            return [*messages, Dropped(origin, "pattern: a duplicate of one already answered")]
        try:
            pattern = read_pattern_frames(rest, frames, run.defaults, origin, self._wavelength)
        except PatternError as error:
            return [*messages, PatternRefused(origin, error)]
        return [*messages, PatternReceived(pattern)]

    def _open(self, uid: str, start: Mapping[str, Any], defaults: Defaults) -> list[Message]:
        messages: list[Message] = []
        if len(self._runs) >= _MAX_RUNS:
            oldest = next(iter(self._runs))
            self._forget(oldest)
            reason = f"no stop message, and {_MAX_RUNS} newer runs"
            messages.append(RunStopped(oldest, None, "abort", reason))
        self._closed.discard(uid)
        self._runs[uid] = _Run(uid, defaults)
        messages.append(RunStarted(uid, start))
        if self._remembering:
            said = defaults.model_dump(mode="json", exclude_none=True)
            nameless = uid == self._session
            messages.append(Remember(uid, "start", {"defaults": said, "nameless": nameless}))
        return messages

    def _forget(self, uid: str) -> None:
        del self._runs[uid]
        self._closed.add(uid)
        if uid == self._session:
            self._session = str(uuid.uuid4())

    def _new_session(self) -> str:
        if self._session in self._runs:
            raise DecodeError("start: the run before it, which has no name either, is still open")
        return self._session


class FramesSource:
    """Connected or bound from construction on."""

    def __init__(self, url: Url, options: Options, wavelength: float | None) -> None:
        self.name = url.text
        self.decoding = Decoding()
        self._reader = FrameReader(url.text, wavelength, options.max_message, options.max_rate)
        self._receiver = Receiver(
            url.text,
            url.address,
            zmq.PULL if options.socket == "pull" else zmq.SUB,
            bind=options.bind,
            hwm=options.rcvhwm,
            max_message=options.max_message,
            curve=options.curve(url, bind=options.bind),
        )

    @property
    def address(self) -> str:
        """``tcp://…`` as bound or connected."""
        return self._receiver.address

    @property
    def trouble(self) -> str:
        """Why nothing can come in now, or ""."""
        return self._receiver.trouble

    async def __aiter__(self) -> AsyncIterator[Message]:
        try:
            while True:
                frames = await self._receiver.receive(None) or [b""]
                for message in self.decoding(self._reader.read, frames):
                    yield message
        except Closed:
            for message in self._reader.finish():
                yield message

    def recall(self, runs: Sequence[Remembered]) -> None:
        """Go on with runs that were open before; leave those open that are when this is closed."""
        self._reader.recall(runs)

    async def close(self) -> None:
        """Stop listening; ends the iteration. Safe to call twice."""
        self._receiver.close()


def open(url: Url, *, wavelength: float | None = None) -> FramesSource:
    """Source at `url`. Raises ConfigurationError for unknown options, no port or a bad address."""
    return FramesSource(url, read_options(Options, url), wavelength)
