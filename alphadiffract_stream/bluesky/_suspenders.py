"""Suspenders: a plan waits while predictions cannot be relied on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from bluesky.suspenders import SuspendBoolLow
from ophyd import Signal

from ..engines import check_golden, golden_pattern
from ._predictor import Predictor


class HealthMonitor:
    """Asks every `period` s whether predictions are right, and says so in `healthy`.

    check: raises where they are not; `golden(predictor)` has the engine predict a pattern whose
    answer is known. A thread of its own; `close` ends it.
    """

    def __init__(
        self, check: Callable[[], None], *, period: float = 5.0, name: str = "alphadiffract_healthy"
    ) -> None:
        self.healthy = Signal(name=name, value=True)
        self.reason = ""
        self._check = check
        self._period = period
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._watch, name=name, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread. Safe to call twice."""
        self._closing.set()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            try:
                self._check()
                self.reason = ""
            except Exception as error:
                self.reason = str(error) or type(error).__name__
            if bool(self.healthy.get()) != (not self.reason):
                self.healthy.put(not self.reason)
            if self._closing.wait(self._period):
                return


def golden(predictor: Predictor) -> Callable[[], None]:
    """A check for `HealthMonitor`: the engine gives the known answer to a known pattern."""

    def check() -> None:
        check_golden(predictor.engine.run(golden_pattern()), predictor.engine.card)

    return check


class SuspendWhenUnhealthy(SuspendBoolLow):
    """Suspends plans while a `HealthMonitor` finds predictions wrong or missing."""

    def __init__(self, monitor: HealthMonitor, **kwargs: Any) -> None:
        super().__init__(monitor.healthy, **kwargs)
        self._monitor = monitor

    def _get_justification(self) -> str:
        said = super()._get_justification()
        return f"{said}: {self._monitor.reason}" if said and self._monitor.reason else said


class SuspendWhenUncertain:
    """Suspends plans after `after` answers in a row that are not ``ok``, until `release`.

    While a plan is suspended nothing is exposed, so nothing but a person (or `hold` s) can end it:
    look at the sample and the beam, then ``suspender.release()``.
    device: an AlphaDiffractDevice. Install with ``RE.install_suspender(suspender.suspender)``.
    """

    def __init__(
        self, device: Any, *, after: int = 3, hold: float | None = None, **kwargs: Any
    ) -> None:
        self.certain = Signal(name=f"{device.name}_certain", value=True)
        self.suspender = SuspendBoolLow(self.certain, **kwargs)
        self._after = after
        self._hold = hold
        self._count = 0
        self._timer: threading.Timer | None = None
        device.status.subscribe(self._judge, run=False)

    def release(self) -> None:
        """Go on, and count anew."""
        if self._timer is not None:
            self._timer.cancel()
        self._count = 0
        self.certain.put(True)

    def _judge(self, *, value: str, **_: Any) -> None:
        self._count = 0 if value == "ok" else self._count + 1
        if self._count == self._after:
            self.certain.put(False)
            if self._hold is not None:
                self._timer = threading.Timer(self._hold, self.release)
                self._timer.daemon = True
                self._timer.start()
