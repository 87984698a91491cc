"""One raw run with its answers, joined by seq_num."""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..pattern import Pattern
from ._axis import DisplayAxis, Kind, spacings
from ._frame import Frame, Trace

COLUMNS = 480
"""Of the waterfall."""
_ACCOUNT = ("received", "predicted", "refused", "failed", "missing")


@dataclass(slots=True)
class Run:
    """Frames in the order of their seq_num; bounded.

    max_frames: beyond it the oldest are forgotten (and counted). max_traces: full patterns kept.
    kind: the radial axis to show, or None for the one measured.
    """

    uid: str
    max_frames: int = 3000
    max_traces: int = 200
    kind: Kind | None = None
    start: Mapping[str, Any] = field(default_factory=dict)
    model: str = ""
    axis: DisplayAxis | None = None
    extent: tuple[float, float] = (0.0, 1.0)
    """Of the waterfall's columns, along `axis`."""
    stopped: str = ""
    """Exit status of the raw run; '' while it goes on."""
    account: dict[str, int] = field(default_factory=dict)
    """The service's own, once the prediction run is closed."""
    forgotten: int = 0
    """Frames beyond `max_frames`."""
    began: float = 0.0
    """Unix time."""
    frames: dict[int, Frame] = field(default_factory=dict)
    seq_nums: list[int] = field(default_factory=list)
    """Ascending."""
    counts: dict[str, int] = field(default_factory=dict)
    """Answers by status, of all frames ever seen."""
    patterns: int = 0
    """Raw events that brought a pattern or a refusal."""
    _traced: list[int] = field(default_factory=list)
    _lowest: int = 0

    def __iter__(self) -> Iterator[Frame]:
        return (self.frames[n] for n in self.seq_nums)

    def __len__(self) -> int:
        return len(self.seq_nums)

    @property
    def last(self) -> Frame | None:
        """The frame with the greatest seq_num."""
        return self.frames[self.seq_nums[-1]] if self.seq_nums else None

    @property
    def latest(self) -> Frame | None:
        """What a person wants to see while the scan runs: the latest frame that is answered."""
        answered = (self.frames[n] for n in reversed(self.seq_nums))
        return next((f for f in answered if f.prediction is not None), self.last)

    @property
    def waiting(self) -> int:
        """Patterns seen that are not answered yet."""
        return sum(frame.prediction is None for frame in self)

    @property
    def missing(self) -> int:
        """Numbers between the frames seen that neither a pattern nor an answer came of."""
        return self.seq_nums[-1] - self.seq_nums[0] + 1 - len(self.seq_nums) if self.seq_nums else 0

    @property
    def title(self) -> str:
        """Scan number, plan, sample and the beginning of the uid."""
        scan, sample = self.start.get("scan_id"), self.start.get("sample_name")
        parts = [f"scan {scan}" if scan is not None else "", sample, self.start.get("plan_name")]
        return " · ".join(str(p) for p in (*parts, self.uid[:8]) if p)

    @property
    def motor(self) -> str:
        """Data key of what is scanned: as the raw run hints, or the first scalar that changes."""
        scalars = self.scalars
        for dimension in _dimensions(self.start):
            if dimension in scalars:
                return dimension
        for name in scalars:
            values = {f.motors[name] for f in self if name in f.motors}
            if len(values) > 1:
                return name
        return ""

    @property
    def scalars(self) -> list[str]:
        """Names of the scalars of its raw events."""
        return list(self.last.motors) if self.last else []

    def frame(self, seq_num: int) -> Frame | None:
        """The frame of this number, made where it is new; None where it is too old to keep."""
        if seq_num in self.frames:
            return self.frames[seq_num]
        if seq_num < self._lowest:
            return None
        bisect.insort(self.seq_nums, seq_num)
        frame = self.frames[seq_num] = Frame(seq_num)
        while len(self.seq_nums) > self.max_frames:
            oldest = self.seq_nums.pop(0)
            del self.frames[oldest]
            self._lowest = oldest + 1
            self.forgotten += 1
        return self.frames.get(seq_num, frame)

    def take_pattern(self, pattern: Pattern, frame: Frame) -> None:
        """Keep `pattern` in `frame`. Raises PatternError where it has no spacings."""
        d = spacings(pattern)
        if self.axis is None:
            self.axis = DisplayAxis.of(pattern, self.kind)
            x = self.axis.of_d(d)
            self.extent = float(np.nanmin(x)), float(np.nanmax(x))
        intensity = np.asarray(pattern.intensity, dtype=np.float64)
        used = np.isfinite(d) & np.isfinite(intensity)
        if pattern.mask is not None:
            used &= ~pattern.mask
        order = np.argsort(-d[used], kind="stable")
        frame.trace = Trace(d[used][order], intensity[used][order])
        frame.row = self._row(frame.trace)
        self._traced.append(frame.seq_num)
        if len(self._traced) > self.max_traces:
            old = self.frames.get(self._traced.pop(0))
            if old is not None:
                old.trace = None

    def take_account(self, stop: Mapping[str, Any]) -> None:
        """The account in a prediction run's stop document."""
        numbers = {name: stop.get(name) for name in _ACCOUNT}
        self.account = {k: v for k, v in numbers.items() if isinstance(v, int)}

    def _row(self, trace: Trace) -> NDArray[np.uint8]:
        """Square roots on the columns, 0…255 of the pattern's own range.

        Of each column the largest value: a narrow line must not fall between two.
        """
        assert self.axis is not None
        x = self.axis.of_d(trace.d)
        low, high = self.extent
        column = ((x - low) / max(high - low, 1e-12) * COLUMNS).astype(int)
        inside = (column >= 0) & (column <= COLUMNS)
        row = np.full(COLUMNS, -np.inf)
        np.maximum.at(row, column[inside].clip(0, COLUMNS - 1), trace.intensity[inside])
        there = np.isfinite(row)
        if not there.any():
            return np.zeros(COLUMNS, np.uint8)
        places = np.arange(COLUMNS)
        row = np.interp(places, places[there], row[there])
        span = float(np.ptp(row))
        return (255 * np.sqrt((row - row.min()) / (span or 1.0))).astype(np.uint8)


def _dimensions(start: Mapping[str, Any]) -> list[str]:
    """Fields of ``hints.dimensions``, as plans write them; [] where there are none or odd ones."""
    hints = start.get("hints")
    dimensions = hints.get("dimensions") if isinstance(hints, Mapping) else None
    names: list[str] = []
    for dimension in dimensions if isinstance(dimensions, list | tuple) else ():
        fields = dimension[0] if isinstance(dimension, list | tuple) and dimension else ()
        names += (
            [f for f in fields if isinstance(f, str)] if isinstance(fields, list | tuple) else []
        )
    return names
