"""Where a device's predictions come from: the detector's own signals, or documents."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Literal, Protocol

from ..documents import answer_data
from ..errors import ConfigurationError, PatternError
from ..pattern import HC_KEV_ANGSTROM, Origin, Pattern
from ..prediction import Prediction, refusal
from ..sources._assembler import PatternKeys
from ._answers import Answers
from ._arrivals import Arrivals
from ._reader import DetectorReader
from ._run_tracker import RunTracker

Data = Mapping[str, Any]


class Feed(Protocol):
    """Gives the prediction of the exposure that is under way."""

    def stage(self) -> None:
        """A plan begins to use the device; on the RunEngine's event loop."""
        ...

    def unstage(self) -> None:
        """A plan has done with the device; on the RunEngine's event loop."""
        ...

    def expect(self, loop: asyncio.AbstractEventLoop | None, *, exposed: bool) -> Future[Data]:
        """``data`` of this exposure's prediction, with ``embedding`` where there is one.

        exposed: the detector has done already. Fails with what makes a prediction impossible.
        """
        ...


class DetectorFeed:
    """Predicts the pattern the detector holds once its signal has changed.

    This is how a prediction can be in the very event of its pattern: that event is not published
    before every device is read, so nobody could find the pattern in it in time.

    devices: the detector, and whatever says the axis or the photon energy (a monochromator).
    predict: e.g. ``predictor.predict``. signal: the signal whose change means that the pattern is
    there; found by the name of the intensity key where not given.
    """

    def __init__(
        self,
        devices: Sequence[Any],
        predict: Callable[[Pattern], Future[Prediction]],
        tracker: RunTracker,
        *,
        stream: str = "primary",
        signal: Any = None,
        keys: Mapping[str, str] | None = None,
        energy_kev: float | None = None,
    ) -> None:
        if not devices:
            raise ConfigurationError("detectors: name the detector that holds the pattern")
        self._predict = predict
        self._tracker = tracker
        self._stream = stream
        wavelength = None if energy_kev is None else HC_KEV_ANGSTROM / energy_kev
        pattern_keys = PatternKeys(**(keys or {}))
        self._reader = DetectorReader(devices, keys=pattern_keys, wavelength=wavelength)
        self._arrivals = Arrivals(signal if signal is not None else _intensity(devices, keys))
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="alphadiffract-device")
        tracker.on_event = self._arrivals.reset

    def stage(self) -> None:
        """Count arrivals from now on."""
        self._arrivals.subscribe()
        self._arrivals.reset()
        self._reader.forget()

    def unstage(self) -> None:
        """Count no more."""
        self._arrivals.unsubscribe()

    def expect(self, loop: asyncio.AbstractEventLoop | None, *, exposed: bool) -> Future[Data]:
        """The prediction of the pattern that comes next, or came since the last one."""
        answer: Future[Data] = Future()
        seq_num = self._tracker.last(self._stream) + 1
        origin = Origin("device", "", self._tracker.run_uid or None, seq_num=seq_num)
        start = dict(self._tracker.start)
        self._arrivals.subscribe()

        def read(_: Future[None] | None = None) -> None:
            try:
                pattern = self._reader.pattern(start, origin, loop)
                prediction = self._predict(pattern)
            except PatternError as error:
                _resolve(answer, _data(refusal(origin, error), None))
            except Exception as error:
                _fail(answer, error)
            else:
                prediction.add_done_callback(
                    lambda done: _resolve(answer, _data(done.result(), pattern))
                )

        def arrived(came: Future[None]) -> None:
            if came.cancelled():
                answer.cancel()
            elif error := came.exception():
                _fail(answer, error)
            elif not answer.cancelled():
                self._executor.submit(read)

        if exposed:
            self._arrivals.reset()
            self._executor.submit(read)
        else:
            self._arrivals.next().add_done_callback(arrived)
        return answer


class DocumentFeed:
    """Takes predictions from documents: of the callback in this process or of a service.

    exposure: ``next``: the answer to the event that is being taken; for services that get their
    patterns before the event is published (plain frames that carry the run's uid and its seq_num).
    ``last``: the answer to the latest event of `stream`; for the callback and for services that
    read documents. Then read the device in a stream of its own, after the event.
    """

    def __init__(
        self,
        answers: Answers,
        tracker: RunTracker,
        *,
        stream: str = "primary",
        exposure: Literal["next", "last"] = "last",
    ) -> None:
        self._answers = answers
        self._tracker = tracker
        self._stream = stream
        self._ahead = {"next": 1, "last": 0}[exposure]

    def stage(self) -> None:
        """Nothing is to be done."""

    def unstage(self) -> None:
        """Nothing is to be done."""

    def expect(self, loop: asyncio.AbstractEventLoop | None, *, exposed: bool) -> Future[Data]:
        """The answer by raw run uid and seq_num."""
        seq_num = self._tracker.last(self._stream) + self._ahead
        if not self._tracker.run_uid or seq_num < 1:
            failed: Future[Data] = Future()
            failed.set_exception(
                RuntimeError(
                    f"no event of stream {self._stream!r} to wait for; subscribe the device to the "
                    "RunEngine with RE.subscribe(device.follow), and trigger it after the event"
                )
            )
            return failed
        return self._answers.of(self._tracker.run_uid, seq_num)


def _data(prediction: Prediction, pattern: Pattern | None) -> Data:
    seq_num = prediction.origin.seq_num or 0
    energy = pattern.energy if pattern else None
    source = pattern.wavelength_source if pattern else ""
    answer = answer_data(prediction, seq_num, energy, source)
    return {**answer, "embedding": prediction.embedding}


def _resolve(answer: Future[Data], data: Data) -> None:
    """Whoever waited may have given up meanwhile."""
    if answer.set_running_or_notify_cancel():
        answer.set_result(data)


def _fail(answer: Future[Data], error: BaseException) -> None:
    if answer.set_running_or_notify_cancel():
        answer.set_exception(error)


def _intensity(devices: Sequence[Any], keys: Mapping[str, str] | None) -> Any:
    """The signal named like a pattern: by `keys`, or as documents are searched."""
    named = (keys or {}).get("intensity")
    signals = {name: signal for device in devices for name, signal in _signals(device)}
    if named in signals:
        return signals[named]
    words = ("intensity", "intensities", "counts", "chi", "pattern")
    found = [name for name in signals if re.split("[-_]", name)[-1] in words]
    if len(found) == 1:
        return signals[found[0]]
    raise ConfigurationError(
        f"signal: cannot tell which of {', '.join(signals)} changes when a pattern is there; "
        "pass signal=detector.…"
    )


def _signals(device: Any) -> list[tuple[str, Any]]:
    if hasattr(device, "walk_signals"):  # ophyd
        return [(walk.item.name, walk.item) for walk in device.walk_signals()]
    if hasattr(device, "subscribe_reading"):
        return [(device.name, device)]
    if hasattr(device, "children"):  # ophyd-async
        return [pair for _, child in device.children() for pair in _signals(child)]
    return [(device.name, device)] if hasattr(device, "subscribe") else []
