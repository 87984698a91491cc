"""The latest prediction as an ophyd device."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Literal

import numpy as np
from ophyd import Component, Signal
from ophyd.device import create_device_from_components
from ophyd.status import DeviceStatus

from ._answers import Answers
from ._device import Latest, make_feed
from ._predictor import Predictor
from ._run_tracker import RunTracker
from ._signals import FIELDS, HINTED, values_of


class PredictionSignal(Signal):
    """A signal that says its units and numpy type in its data key; plans only read it."""

    def __init__(self, *args: Any, units: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._units = units

    def describe(self) -> Any:
        """One data key."""
        description = super().describe()
        key = description[self.name]
        key["source"] = "alphadiffract"
        if self._units:
            key["units"] = self._units
        value = self.get()
        if not isinstance(value, str):
            key["dtype_numpy"] = np.asarray(value).dtype.str
        return description


class AlphaDiffractStatus(DeviceStatus):
    """Says in words what became of the prediction; a plan that fails quotes it."""

    def __str__(self) -> str:
        error = self.exception(timeout=0) if self.done else None
        return f"{self.device.name}: {error}" if error else super().__str__()

    __repr__ = __str__


_COMPONENTS: dict[str, Any] = {
    name: Component(
        PredictionSignal,
        value=field.initial,
        units=field.units,
        kind="hinted" if name in HINTED else "normal",
    )
    for name, field in FIELDS.items()
}
_Signals: Any = create_device_from_components("_Signals", **_COMPONENTS)


class AlphaDiffractDevice(_Signals):
    """Signals of the latest prediction; ``trigger`` waits for that of this exposure.

    With `detectors` and `predictor` it predicts what the detector holds, so that
    ``bps.trigger_and_read([detector, alphadiffract])`` puts the prediction into the event of its
    pattern. With `answers` it waits for the documents of a callback or service instead.

    detectors: the detector, and whatever else says the axis or the photon energy.
    predictor: e.g. ``callback.predictor``. answers: e.g. ``callback.answers``.
    stream: whose events are counted. exposure: with `answers`: ``last`` waits for the answer to
    the latest event (read the device in a second stream), ``next`` for that to the event being
    taken (services that get patterns before the event is published).
    timeout: s. required: a prediction that does not come fails the plan; otherwise it is recorded
    as ``failed`` with the reason. A pattern that is refused is recorded in either case.
    signal, keys, energy_kev: where names do not say which signal is the pattern, its axis, or how
    hard the photons are.
    Subscribe `follow` to the RunEngine so that the run's uid and seq_num are known.
    """

    def __init__(
        self,
        *,
        name: str = "alphadiffract",
        detectors: Sequence[Any] = (),
        predictor: Predictor | None = None,
        answers: Answers | None = None,
        stream: str = "primary",
        exposure: Literal["next", "last"] = "last",
        timeout: float = 10.0,
        required: bool = True,
        signal: Any = None,
        keys: Mapping[str, str] | None = None,
        energy_kev: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.follow = RunTracker()
        feed = make_feed(
            self.follow,
            detectors,
            predictor,
            answers,
            stream=stream,
            exposure=exposure,
            signal=signal,
            keys=keys,
            energy_kev=energy_kev,
        )
        self.latest = Latest(feed, self.follow, timeout, required, self._publish)

    def trigger(self) -> DeviceStatus:
        """Done once the signals hold the prediction of this exposure."""
        status = AlphaDiffractStatus(self)
        done = self.latest.expect()
        timer = threading.Timer(self.latest.timeout, self.latest.give_up, [done])
        timer.daemon = True
        done.add_done_callback(lambda ended: _finish(status, timer, ended))
        timer.start()
        if done.done():
            timer.cancel()
        return status

    def stage(self) -> list[object]:
        """What the detector has shown so far is of no exposure of this plan."""
        self.latest.feed.stage()
        return super().stage()

    def unstage(self) -> list[object]:
        """Stop waiting for the detector."""
        self.latest.feed.unstage()
        return super().unstage()

    def _publish(self, data: Mapping[str, Any]) -> None:
        now = time.time()
        for field, value in values_of(data).items():
            getattr(self, field).put(value, timestamp=now, force=True)


def _finish(status: DeviceStatus, timer: threading.Timer, ended: Future[Any]) -> None:
    timer.cancel()
    if status.done:
        return
    error = None if ended.cancelled() else ended.exception()
    if error:
        status.set_exception(error)
    else:
        status.set_finished()
