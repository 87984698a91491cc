"""What the page knows: runs and their frames, from raw messages and prediction documents."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import PatternError
from ..pattern import Pattern
from ..sources import (
    Dropped,
    Message,
    PatternReceived,
    PatternRefused,
    RunStarted,
    RunStopped,
)
from ._axis import Kind
from ._run import Run

_SECONDS = 10.0
"""Over which rates are taken."""


class Board:
    """Joins patterns and answers by raw run uid and seq_num, whichever comes first.

    Bounded: `max_runs` runs, the oldest forgotten first, and what `Run` bounds. Nothing is raised
    for what documents hold. `version` grows with every change. Not thread-safe: feed it and read it
    in one thread.
    """

    def __init__(
        self,
        *,
        max_runs: int = 20,
        max_frames: int = 3000,
        kind: Kind | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.runs: OrderedDict[str, Run] = OrderedDict()
        """By raw run uid, the oldest first."""
        self.version = 0
        self.dropped = 0
        """Messages and documents that belong to no frame we could name."""
        self.last_dropped = ""
        self.last_heard: float | None = None
        """Unix time of the last document of any kind."""
        self._limits = max_runs, max_frames, kind
        self._clock = clock
        self._raw_of: OrderedDict[str, str] = OrderedDict()
        """Uid of a prediction run or descriptor → raw run uid."""
        self._arrivals: deque[float] = deque(maxlen=5000)
        self._answers: deque[tuple[float, float]] = deque(maxlen=5000)

    @property
    def current(self) -> Run | None:
        """The run that began last."""
        return next(reversed(self.runs.values()), None)

    @property
    def rate(self) -> float:
        """Answers a second over the last ten."""
        return _rate([t for t, _ in self._answers], self._clock())

    @property
    def pattern_rate(self) -> float:
        """Patterns a second over the last ten."""
        return _rate(list(self._arrivals), self._clock())

    @property
    def latency(self) -> float | None:
        """Median of the service's ``latency_total`` over the last ten seconds, ms."""
        since = self._clock() - _SECONDS
        values = sorted(ms for t, ms in self._answers if t >= since and ms == ms)
        return values[len(values) // 2] if values else None

    def take(self, message: Message) -> None:
        """One message of the raw source."""
        now = self._heard()
        match message:
            case RunStarted(run_uid=uid, start=start):
                run = self._run(uid, now)
                run.start = dict(start)
            case PatternReceived(pattern=pattern):
                origin = pattern.origin
                self._pattern(origin.run_uid, origin.seq_num, pattern, pattern.metadata, now)
            case PatternRefused(origin=origin, error=error, metadata=metadata):
                self._pattern(origin.run_uid, origin.seq_num, error, metadata, now)
            case RunStopped(run_uid=uid, exit_status=status):
                if uid in self.runs:
                    self.runs[uid].stopped = status or "success"
            case Dropped(reason=reason):
                self._drop(reason)

    def document(self, name: str, document: Mapping[str, Any]) -> None:
        """One document of a prediction run; others are passed over."""
        now = self._heard()
        try:
            match name:
                case "start":
                    self._prediction_start(document, now)
                case "descriptor":
                    if raw := self._raw_of.get(str(document.get("run_start"))):
                        self._remember(str(document["uid"]), raw)
                case "event":
                    self._prediction(document, now)
                case "stop":
                    raw = self._raw_of.get(str(document.get("run_start")))
                    if raw in self.runs:
                        self.runs[raw].take_account(document)
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
            self._drop(f"prediction {name} document: {type(error).__name__} {error}")

    def unreadable(self, reason: str) -> None:
        """Bytes that are no document."""
        self._heard()
        self._drop(reason)

    def _prediction_start(self, document: Mapping[str, Any], now: float) -> None:
        if document.get("analysis") != "alphadiffract":
            return
        raw = str(document["parents"][0])
        self._remember(str(document["uid"]), raw)
        run = self._run(raw, now)
        model = document.get("model")
        if isinstance(model, Mapping):
            run.model = f"{model.get('name', '')} {model.get('version', '')}".strip()
        if not run.start:
            copied = ("scan_id", "sample_name")
            run.start = {key: document[key] for key in copied if key in document}

    def _prediction(self, document: Mapping[str, Any], now: float) -> None:
        data = document["data"]
        if "raw_run_uid" not in data or "status" not in data:
            return
        run = self._run(str(data["raw_run_uid"]), now)
        frame = run.frame(int(data["raw_seq_num"]))
        if frame is None or frame.prediction is not None:
            return
        frame.prediction, frame.answer_time = dict(data), now
        if not frame.motors:
            frame.motors = _numbers(
                {k.removeprefix("raw_"): v for k, v in data.items() if k.startswith("raw_")},
                {"run_uid", "descriptor_uid", "event_uid", "seq_num", "time"},
            )
        run.counts[frame.status] = run.counts.get(frame.status, 0) + 1
        latency = data.get("latency_total")
        self._answers.append((now, float(latency) if latency is not None else float("nan")))

    def _pattern(
        self,
        uid: str | None,
        seq_num: int | None,
        found: Pattern | PatternError,
        metadata: Mapping[str, Any],
        now: float,
    ) -> None:
        if uid is None or seq_num is None:
            self._drop("a pattern without run uid or seq_num")
            return
        run = self._run(uid, now)
        run.patterns += 1
        self._arrivals.append(now)
        frame = run.frame(int(seq_num))
        if frame is None:
            return
        frame.pattern_time = now
        frame.motors = _numbers(metadata.get("data", {}), set())
        try:
            if isinstance(found, PatternError):
                raise found
            run.take_pattern(found, frame)
        except PatternError as error:
            frame.refusal = str(error)

    def _run(self, uid: str, now: float) -> Run:
        max_runs, max_frames, kind = self._limits
        if uid not in self.runs:
            self.runs[uid] = Run(uid, max_frames=max_frames, kind=kind, began=now)
            while len(self.runs) > max_runs:
                self.runs.popitem(last=False)
        return self.runs[uid]

    def _remember(self, uid: str, raw: str) -> None:
        self._raw_of[uid] = raw
        while len(self._raw_of) > 1000:
            self._raw_of.popitem(last=False)

    def _heard(self) -> float:
        self.version += 1
        self.last_heard = self._clock()
        return self.last_heard

    def _drop(self, reason: str) -> None:
        self.dropped += 1
        self.last_dropped = reason[:300]


def _rate(times: list[float], now: float) -> float:
    recent = [t for t in times if t >= now - _SECONDS]
    if len(recent) < 2:
        return 0.0
    return (len(recent) - 1) / max(now - recent[0], 1e-3)


def _numbers(data: Any, without: set[str]) -> dict[str, float]:
    if not isinstance(data, Mapping):
        return {}
    return {
        str(name): float(value)
        for name, value in data.items()
        if name not in without and isinstance(value, int | float)
    }
