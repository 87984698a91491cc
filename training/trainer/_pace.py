"""What ends a run and slows its learning: time, and being asked to stop."""

from __future__ import annotations

import signal
import threading
import time
from dataclasses import dataclass, field
from types import FrameType, TracebackType


class StopRequest:
    """Within it, SIGTERM and SIGINT are noted instead of obeyed; a second one is obeyed."""

    def __init__(self) -> None:
        self.asked = False
        self._before: dict[int, object] = {}

    def __enter__(self) -> StopRequest:
        # Python lets signals be caught in the main thread alone.
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._restore()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        self._before = {}


@dataclass(slots=True)
class Pace:
    """The clock of one call of the trainer.

    In its last `finish_seconds` the learning rate goes linearly to zero.
    """

    max_seconds: float
    finish_seconds: float
    stop: StopRequest
    began: float = field(default_factory=lambda: time.monotonic())

    def factor(self) -> float:
        """Of the learning rate, 0 … 1."""
        if self.finish_seconds <= 0:
            return 1.0
        left = self.max_seconds - (time.monotonic() - self.began)
        return min(1.0, max(0.0, left / self.finish_seconds))

    def ended(self) -> bool:
        """Out of time, or asked to stop."""
        return self.stop.asked or time.monotonic() - self.began > self.max_seconds
