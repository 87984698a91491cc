"""Steps of plans that wait for predictions and judge them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
from bluesky.utils import FailedStatus, Msg, MsgGenerator

from ..errors import ConfigurationError
from ._device import PredictionLost

_CONFIDENT = ("ok",)


def trigger_then_predict(
    detectors: Sequence[Any], alphadiffract: Any, name: str = "primary"
) -> MsgGenerator[Mapping[str, Any]]:
    """``bps.trigger_and_read`` in which the device is triggered after the detectors have done.

    The pattern read is then this exposure's whatever else the detector shows in between (a live
    view). Returns the readings. Raises PredictionLost.
    """
    group = "alphadiffract-exposure"

    def exposed() -> MsgGenerator[Mapping[str, Any]]:
        for detector in detectors:
            if hasattr(detector, "trigger"):
                yield from bps.trigger(detector, group=group)
        yield from bps.wait(group=group)
        alphadiffract.latest.exposed = True
        yield from _lost_in_words(bps.trigger(alphadiffract, wait=True), alphadiffract)
        yield from bps.create(name)
        readings: dict[str, Any] = {}
        for device in (*detectors, alphadiffract):
            readings |= yield from bps.read(device)
        yield from bps.save()
        return readings

    return (yield from exposed())


def predict_and_read(
    devices: Sequence[Any], alphadiffract: Any, name: str = "primary"
) -> MsgGenerator[Mapping[str, Any]]:
    """``bps.trigger_and_read([*devices, alphadiffract])`` that fails in words.

    Returns the readings. Raises PredictionLost, with the reason, where no prediction came.
    """
    everything = [*(d for d in devices if d is not alphadiffract), alphadiffract]
    return (yield from _lost_in_words(bps.trigger_and_read(everything, name), alphadiffract))


def event_then_prediction(
    devices: Sequence[Any], alphadiffract: Any, name: str = "primary"
) -> MsgGenerator[Mapping[str, Any]]:
    """Publish the event, then wait for its prediction and read it in the stream ``predictions``.

    For a device that takes its answers from documents. Returns all readings. Raises PredictionLost.
    """
    readings = dict((yield from bps.trigger_and_read(list(devices), name)))
    answer = _lost_in_words(
        bps.trigger_and_read([alphadiffract], name="predictions"), alphadiffract
    )
    readings |= yield from answer
    return readings


def repeat_until_confident(
    detectors: Sequence[Any],
    alphadiffract: Any,
    exposure: Any,
    *,
    longest: float,
    factor: float = 2.0,
    probability: float = 0.0,
    name: str = "primary",
) -> MsgGenerator[Mapping[str, Any]]:
    """Take a point again with a longer exposure until its prediction can be relied on.

    Every attempt is an event of its own; the last one is the best. A point that is refused or
    failed is not repeated: light does not help it.

    exposure: a movable, s (``detector.cam.acquire_time``); put back afterwards. longest: s.
    factor: from one attempt to the next. probability: of the crystal system that suffices, beside
    status ``ok``. Returns the readings of the last attempt.
    Raises ConfigurationError for a factor of 1 or less, PredictionLost.
    """
    if not factor > 1:
        raise ConfigurationError(f"factor={factor!r}: give more than 1, e.g. 2")
    first = yield from bps.rd(exposure)

    def attempts() -> MsgGenerator[Mapping[str, Any]]:
        seconds = float(first)
        while True:
            readings = yield from predict_and_read(detectors, alphadiffract, name)
            if _confident(alphadiffract, probability) or seconds >= longest:
                return readings
            seconds = min(seconds * factor, longest)
            yield from bps.mv(exposure, seconds)

    return (yield from bpp.finalize_wrapper(attempts(), lambda: bps.mv(exposure, first)))


def _confident(alphadiffract: Any, probability: float) -> bool:
    data = alphadiffract.latest.data
    if data.get("status") in ("refused", "failed"):
        return True
    sure = float(data.get("crystal_system_probability", 0.0)) >= probability
    return sure and data.get("status") in _CONFIDENT


def _lost_in_words(plan: MsgGenerator[Any], alphadiffract: Any) -> MsgGenerator[Any]:
    """The RunEngine says only that a status failed; say which and why."""

    def explain(error: Exception) -> MsgGenerator[Any]:
        cause = error.__cause__
        if isinstance(error, FailedStatus) and isinstance(cause, PredictionLost):
            raise PredictionLost(f"{alphadiffract.name}: {cause}") from error
        yield Msg("null")
        raise error

    return (yield from bpp.contingency_wrapper(plan, except_plan=explain))
