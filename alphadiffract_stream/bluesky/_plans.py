"""Plans that act on what the sample turns into."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
import numpy as np
from bluesky.utils import Msg, MsgGenerator, RequestStop

from ..changes import Change, ChangeDetector, Features, learn_noise
from ..errors import ConfigurationError
from ._between import share
from ._device import PredictionLost
from ._plan_stubs import predict_and_read

Step = Callable[[Sequence[Any], Any], MsgGenerator[Mapping[str, Any]]]
"""Takes one point: ``(detectors, alphadiffract)``; e.g. `predict_and_read`."""


@dataclass
class ScanResult:
    """What came of a plan."""

    run_uid: str = ""
    changes: list[Change] = field(default_factory=list)
    points: list[float] = field(default_factory=list)
    """Positions that were measured, in order."""


@dataclass(frozen=True)
class Transition:
    """Between two measured positions the sample changes."""

    low: float
    high: float

    @property
    def middle(self) -> float:
        """The best guess."""
        return (self.low + self.high) / 2


class Unanswered:
    """Ends a plan that flies blind: more exposures than `most` in a row without a prediction."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._count = 0

    def check(self, data: Mapping[str, Any]) -> None:
        """After each exposure. Raises PredictionLost with the latest reason."""
        lost = data.get("status") in (None, "failed")
        self._count = self._count + 1 if lost else 0
        if self._count > self._most:
            reason = data.get("reason") or "no reason was given"
            raise PredictionLost(f"{self._count} exposures without a prediction: {reason}")


def scan_until_change(
    detectors: Sequence[Any],
    alphadiffract: Any,
    motor: Any,
    positions: Iterable[float],
    *,
    changes: ChangeDetector | None = None,
    false_alarm_rate: float = 1e-3,
    stop_after: int = 1,
    further: int = 0,
    step: Step | None = None,
    unanswered: int = 2,
    md: Mapping[str, Any] | None = None,
) -> MsgGenerator[ScanResult]:
    """Move through `positions` until the sample has changed.

    The first twelve patterns teach what "unchanged" means, unless `changes` was calibrated.

    changes: e.g. ``ChangeDetector(1e-4, noise=learn_noise(…))``; it goes on from where it is.
    false_alarm_rate: per point, where `changes` is not given. stop_after: changes to find; 0: scan
    to the end and report all. further: points to take after the last change.
    step: how a point is taken; `predict_and_read` where not given.
    unanswered: exposures in a row that may fail. The run then ends with exit status ``fail`` and
    the reason in its stop document, and the plan raises PredictionLost.
    The stop document's reason names the changes; the value of the plan is a `ScanResult`.
    """
    detector = changes or ChangeDetector(false_alarm_rate)
    take = step or predict_and_read
    devices = [*detectors, motor]
    metadata = {
        "plan_name": "scan_until_change",
        "motors": [motor.name],
        "detectors": [d.name for d in (*detectors, alphadiffract)],
        "false_alarm_rate": 1 / detector.threshold,
        "hints": _hints(motor),
        **(md or {}),
    }
    result = ScanResult()
    blind = Unanswered(unanswered)

    def scan() -> MsgGenerator[None]:
        left = further
        for position in positions:
            yield Msg("checkpoint")
            yield from bps.mv(motor, position)
            yield from take(devices, alphadiffract)
            result.points.append(float(position))
            blind.check(alphadiffract.latest.data)
            if stop_after and len(result.changes) >= stop_after:
                left -= 1
            else:
                evidence = detector.update(alphadiffract.latest.features(), float(position))
                if evidence.change:
                    result.changes.append(evidence.change)
            if stop_after and len(result.changes) >= stop_after and left <= 0:
                break

    @bpp.stage_decorator([*detectors, motor, alphadiffract])
    def run() -> MsgGenerator[None]:
        result.run_uid = yield from bps.open_run(metadata)
        yield from bpp.contingency_wrapper(
            scan(),
            except_plan=_close_failed,
            else_plan=lambda: bps.close_run(exit_status="success", reason=_said(result.changes)),
        )

    yield from run()
    return result


def adaptive_scan(
    detectors: Sequence[Any],
    alphadiffract: Any,
    motor: Any,
    start: float,
    stop: float,
    num: int,
    *,
    resolution: float,
    changes: ChangeDetector | None = None,
    false_alarm_rate: float = 1e-3,
    learn: int = 16,
    step: Step | None = None,
    unanswered: int = 2,
    md: Mapping[str, Any] | None = None,
) -> MsgGenerator[list[Transition]]:
    """Scan `num` points from `start` to `stop`, then halve each interval with a change in it.

    For changes that can be undone, or that lie in space: bisection goes back and forth. The motor
    is moved until every transition is known to `resolution`.
    learn: exposures at `start` that teach the noise where `changes` is not given; a change among
    the first four points after them is not seen.
    All in one run; returns the transitions. Raises ConfigurationError, and PredictionLost as
    `scan_until_change` does.
    """
    if num < 2 or not resolution > 0 or start == stop:
        raise ConfigurationError(
            f"num={num}, resolution={resolution}, start={start}, stop={stop}: give two points at "
            "least, a positive resolution and a range"
        )
    take = step or predict_and_read
    devices = [*detectors, motor]
    blind = Unanswered(unanswered)
    seen: dict[float, Features] = {}
    found: list[Transition] = []
    metadata = {
        "plan_name": "adaptive_scan",
        "motors": [motor.name],
        "detectors": [d.name for d in (*detectors, alphadiffract)],
        "resolution": resolution,
        "hints": _hints(motor),
        **(md or {}),
    }

    def at(position: float) -> MsgGenerator[Features | None]:
        yield Msg("checkpoint")
        yield from bps.mv(motor, position)
        yield from take(devices, alphadiffract)
        blind.check(alphadiffract.latest.data)
        features = alphadiffract.latest.features()
        if features is not None:
            seen[position] = features
        return features

    def learned() -> MsgGenerator[ChangeDetector]:
        if changes is not None:
            return changes
        still = []
        for _ in range(learn):
            features = yield from at(float(start))
            still.append(features)
        return ChangeDetector(false_alarm_rate, noise=learn_noise(still))

    def coarse() -> MsgGenerator[list[Change]]:
        detector = yield from learned()
        called = []
        for position in np.linspace(start, stop, num):
            features = yield from at(float(position))
            if change := detector.update(features, float(position)).change:
                called.append(change)
        return called

    def refine(low: float, high: float) -> MsgGenerator[Transition]:
        before, after = seen[low], seen[high]
        while abs(high - low) > resolution:
            middle = (low + high) / 2
            if not low < middle < high and not high < middle < low:
                break  # as near as floats can be
            features = yield from at(middle)
            if features is None:
                break  # an interval that cannot be judged stays as wide as it is
            if share(features, before, after) < 0.5:
                low = middle
            else:
                high = middle
        return Transition(low, high)

    def scan() -> MsgGenerator[None]:
        called = yield from coarse()
        for change in called:
            if change.before in seen and change.since in seen:
                transition = yield from refine(change.before, change.since)
                found.append(transition)

    @bpp.stage_decorator([*detectors, motor, alphadiffract])
    def run() -> MsgGenerator[None]:
        yield from bps.open_run(metadata)
        yield from bpp.contingency_wrapper(
            scan(),
            except_plan=_close_failed,
            else_plan=lambda: bps.close_run(
                exit_status="success",
                reason="; ".join(
                    f"transition at {t.middle:.6g} ± {abs(t.high - t.low) / 2:.2g}" for t in found
                )
                or "no change",
            ),
        )

    yield from run()
    return found


def stop_on_change_wrapper(
    plan: MsgGenerator[Any],
    alphadiffract: Any,
    *,
    changes: ChangeDetector | None = None,
    false_alarm_rate: float = 1e-3,
) -> MsgGenerator[Change | None]:
    """Any plan that reads `alphadiffract`, ended when the sample has changed.

    The run is closed with success and a reason that names the change. Returns the change, or None
    where there was none. `stop_on_change_decorator` is the same for plan functions.
    """
    detector = changes or ChangeDetector(false_alarm_rate)
    called: list[Change] = []

    def judge() -> MsgGenerator[None]:
        yield Msg("null")
        if change := detector.update(alphadiffract.latest.features()).change:
            called.append(change)
            raise RequestStop(_said(called))

    read = False

    def after_save(msg: Msg) -> tuple[MsgGenerator[Any] | None, MsgGenerator[Any] | None]:
        nonlocal read
        if msg.command == "read" and msg.obj is alphadiffract:
            read = True
        elif msg.command == "save" and read:
            read = False
            return None, judge()
        return None, None

    def with_reason(msg: Msg) -> Msg:
        if msg.command == "close_run" and called and not msg.kwargs.get("reason"):
            return msg._replace(kwargs={**msg.kwargs, "reason": _said(called)})
        return msg

    try:
        yield from bpp.msg_mutator(bpp.plan_mutator(plan, after_save), with_reason)
    except RequestStop:
        if not called:
            raise
    return called[0] if called else None


def stop_on_change_decorator(
    alphadiffract: Any, **options: Any
) -> Callable[[Callable[..., MsgGenerator[Any]]], Callable[..., MsgGenerator[Change | None]]]:
    """`stop_on_change_wrapper` for a plan function; each call learns anew."""

    def decorate(
        function: Callable[..., MsgGenerator[Any]],
    ) -> Callable[..., MsgGenerator[Change | None]]:
        def decorated(*args: Any, **kwargs: Any) -> MsgGenerator[Change | None]:
            plan = function(*args, **kwargs)
            return (yield from stop_on_change_wrapper(plan, alphadiffract, **options))

        decorated.__name__ = function.__name__
        decorated.__doc__ = function.__doc__
        return decorated

    return decorate


def _close_failed(error: Exception) -> MsgGenerator[None]:
    status = getattr(error, "exit_status", "fail")
    reason = "" if hasattr(error, "exit_status") else str(error)
    yield from bps.close_run(exit_status=status, reason=reason)


def _said(changes: Sequence[Change]) -> str:
    if not changes:
        return "no change"
    return "; ".join(f"change between {c.before:.6g} and {c.since:.6g}" for c in changes)


def _hints(motor: Any) -> dict[str, Any]:
    fields = list(getattr(motor, "hints", {}).get("fields", [])) or [motor.name]
    return {"dimensions": [(fields, "primary")]}
