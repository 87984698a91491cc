"""Plans and what they decide, with a network whose answer is a number on the motor."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

import bluesky.plan_stubs as bps
import bluesky.plans as bp
import numpy as np
import pytest
from bluesky_adaptive import optimize
from bluesky_adaptive.protocols import OptimizationProblem, Optimizer, SupportsStoppingCriteria
from ophyd import Component, Device, Signal
from ophyd.sim import SynAxis
from ophyd.status import DeviceStatus

from alphadiffract_stream.bluesky import (
    AlphaDiffractDevice,
    Answers,
    HealthMonitor,
    PredictionLost,
    SuspendWhenUncertain,
    SuspendWhenUnhealthy,
    TransitionEvaluation,
    TransitionOptimizer,
    adaptive_scan,
    repeat_until_confident,
    scan_until_change,
    stop_on_change_decorator,
)
from alphadiffract_stream.documents import answer_data
from alphadiffract_stream.errors import ConfigurationError, EngineError
from alphadiffract_stream.pattern import Pattern
from alphadiffract_stream.prediction import Prediction, Status, failure
from tests.predictions import predicted
from tests.raw_runs import TWO_THETA, diffraction

TRANSITION = 50.0


class Sample(Device):
    """A detector whose first point says where the motor is and how long it exposed."""

    intensity = Component(Signal, value=diffraction(0))
    two_theta = Component(Signal, value=TWO_THETA, kind="config")
    wavelength = Component(Signal, value=0.6199, kind="config")
    exposure = Component(Signal, value=1.0, kind="config")
    motor: Any = None

    def trigger(self) -> DeviceStatus:
        pattern = diffraction(0)
        pattern[0] = self.motor.position
        pattern[1] = self.exposure.get()
        self.intensity.put(pattern)
        status = DeviceStatus(self)
        status.set_finished()
        return status


class Network:
    """Another phase above the transition; noise always; nothing at all at `broken`."""

    def __init__(self) -> None:
        self.random = np.random.default_rng(3)
        self.direction = np.random.default_rng(4).standard_normal(16)
        self.broken: tuple[float, float] = (1e9, 1e9)
        self.confident_from = 0.0

    def predict(self, pattern: Pattern) -> Future[Prediction]:
        answer: Future[Prediction] = Future()
        position, exposure = pattern.intensity[:2]
        if self.broken[0] <= position < self.broken[1]:
            answer.set_result(failure(pattern.origin, EngineError("the server is gone")))
            return answer
        embedding = self.random.standard_normal(16)
        embedding += 40 * (position >= TRANSITION) * self.direction
        status = Status.OK if exposure >= self.confident_from else Status.LOW_CONFIDENCE
        answer.set_result(predicted(pattern.origin, embedding=tuple(embedding), status=status))
        return answer


@pytest.fixture
def bench(run_engine):
    class Bench:
        motor = SynAxis(name="motor")
        detector = Sample(name="det")
        network = Network()
        RE = run_engine

        def __init__(self) -> None:
            self.documents: list[tuple[str, dict[str, Any]]] = []

        def run(self, plan: Any) -> Any:
            self.documents.clear()
            box: list[Any] = []

            def keep() -> Any:
                box.append((yield from plan))

            self.RE(keep())
            return box[0]

        def of(self, name: str) -> list[dict[str, Any]]:
            return [d for n, d in self.documents if n == name]

    bench = Bench()
    bench.detector.motor = bench.motor
    bench.device = AlphaDiffractDevice(
        detectors=[bench.detector], predictor=bench.network, name="ad"
    )
    run_engine.subscribe(bench.device.follow)
    run_engine.subscribe(lambda name, document: bench.documents.append((name, document)))
    return bench


def test_a_scan_stops_at_the_change_and_says_where(bench):
    plan = scan_until_change([bench.detector], bench.device, bench.motor, range(100))
    result = bench.run(plan)
    (change,) = result.changes
    assert (change.before, change.since, change.at) == (49, 50, 50)
    assert result.points == list(range(51))
    (stop,) = bench.of("stop")
    assert (stop["exit_status"], stop["reason"]) == ("success", "change between 49 and 50")
    assert stop["num_events"] == {"primary": 51}
    assert stop["run_start"] == result.run_uid
    assert bench.of("event")[-1]["data"]["ad_raw_seq_num"] == 51


def test_further_points_and_all_changes(bench):
    args = [bench.detector], bench.device, bench.motor
    result = bench.run(scan_until_change(*args, range(100), further=5))
    assert result.points[-1] == 55
    result = bench.run(scan_until_change(*args, [*range(60), *range(60, 0, -1)], stop_after=0))
    assert len(result.points) == 120
    assert [(c.before, c.since) for c in result.changes] == [(49, 50), (50, 49)]
    assert bench.of("stop")[0]["reason"].startswith("change between 49 and 50; change between")


def test_no_change_is_a_result_too(bench):
    plan = scan_until_change([bench.detector], bench.device, bench.motor, range(30))
    assert bench.run(plan).changes == []
    assert bench.of("stop")[0]["reason"] == "no change"


def test_a_plan_that_flies_blind_ends_with_the_reason(bench):
    bench.network.broken = (20, 1e9)
    plan = scan_until_change([bench.detector], bench.device, bench.motor, range(100))
    said = "3 exposures without a prediction: the server is gone"
    with pytest.raises(PredictionLost, match=said):
        bench.run(plan)
    (stop,) = bench.of("stop")
    assert (stop["exit_status"], stop["reason"]) == ("fail", said)
    assert stop["num_events"] == {"primary": 23}
    assert bench.RE.state == "idle"
    assert bench.device._staged.value == "no"
    bench.network.broken = (20, 22)
    plan = scan_until_change([bench.detector], bench.device, bench.motor, range(100))
    assert bench.run(plan).changes[0].since == 50


def test_an_interval_with_a_change_is_halved(bench):
    plan = adaptive_scan([bench.detector], bench.device, bench.motor, 0, 100, 21, resolution=0.1)
    (transition,) = bench.run(plan)
    assert transition.low < TRANSITION <= transition.high
    assert transition.high - transition.low <= 0.1
    assert transition.middle == pytest.approx(TRANSITION, abs=0.1)
    assert bench.of("stop")[0]["reason"].startswith("transition at 49.96")
    # 16 exposures to learn, 21 coarse ones, and six halvings of an interval of 5.
    assert bench.of("stop")[0]["num_events"] == {"primary": 16 + 21 + 6}
    with pytest.raises(ConfigurationError, match="resolution=0"):
        bench.run(adaptive_scan([bench.detector], bench.device, bench.motor, 0, 1, 5, resolution=0))


def test_an_uncertain_point_is_taken_again_with_longer_exposure(bench):
    bench.network.confident_from = 3.0

    def plan():
        yield from bps.open_run()
        readings = yield from repeat_until_confident(
            [bench.detector], bench.device, bench.detector.exposure, longest=10.0
        )
        yield from bps.close_run()
        return readings

    readings = bench.run(plan())
    exposures = [e["data"]["det_intensity"][1] for e in bench.of("event")]
    assert exposures == [1, 2, 4]
    assert readings["ad_status"]["value"] == "ok"
    assert bench.detector.exposure.get() == 1.0
    bench.network.confident_from = 1e9
    bench.run(plan())
    assert [e["data"]["det_intensity"][1] for e in bench.of("event")] == [1, 2, 4, 8, 10]


def test_any_plan_can_be_stopped_by_a_change(bench):
    @stop_on_change_decorator(bench.device)
    def heat(stop: int) -> Any:
        """Doc."""
        devices = [bench.detector, bench.device]
        return (yield from bp.scan(devices, bench.motor, 0, stop - 1, stop))

    change = bench.run(heat(100))
    assert change.since == 51  # the 51st point, at 50
    (stop,) = bench.of("stop")
    assert (stop["exit_status"], stop["reason"]) == ("success", "change between 50 and 51")
    assert stop["num_events"] == {"primary": 51}
    assert bench.run(heat(40)) is None
    assert bench.of("stop")[0]["num_events"] == {"primary": 40}
    assert heat.__doc__ == "Doc."


def test_a_plan_waits_while_predictions_are_wrong(bench):
    wrong: list[str] = ["golden inference: crystal_system sums to 2"]

    def check() -> None:
        if wrong:
            raise EngineError(wrong[0])

    monitor = HealthMonitor(check, period=0.01)
    try:
        assert _soon(lambda: not monitor.healthy.get())
        suspender = SuspendWhenUnhealthy(monitor)
        bench.RE.install_suspender(suspender)
        assert "sums to 2" in suspender.get_futures()[1]

        def recover() -> None:
            assert bench.of("event") == []
            wrong.clear()

        bench.RE.loop.call_later(0.2, recover)
        bench.run(bp.count([bench.detector, bench.device]))
        assert len(bench.of("event")) == 1
        assert monitor.healthy.get()
    finally:
        bench.RE.clear_suspenders()
        monitor.close()


def test_a_plan_waits_after_uncertain_answers(bench):
    bench.network.confident_from = 1e9
    uncertain = SuspendWhenUncertain(bench.device, after=3, hold=0.2)
    bench.RE.install_suspender(uncertain.suspender)
    certain: list[bool] = []
    uncertain.certain.subscribe(lambda value, **_: certain.append(bool(value)), run=False)
    bench.run(bp.count([bench.detector, bench.device], num=5))
    assert len(bench.of("event")) == 5
    assert _soon(lambda: certain[:2] == [False, True])
    bench.RE.clear_suspenders()
    uncertain.release()


def test_bluesky_adaptive_closes_in_on_the_transition(bench):
    answers = Answers()

    class Tell:
        """What a service beside the RunEngine would publish."""

        def __call__(self, name: str, document: dict[str, Any]) -> None:
            if name == "event" and "ad_raw_run_uid" in document["data"]:
                changed = document["data"]["motor"] >= TRANSITION
                where = bench.device.latest.data
                shares = (0.9, 0, 0, 0, 0, 0, 0.1) if changed else (0.1, 0, 0, 0, 0, 0, 0.9)
                data = answer_data(predicted(crystal_system_probabilities=shares), 1, None, "")
                answers(
                    "event",
                    {
                        "data": {
                            **data,
                            "raw_run_uid": where["raw_run_uid"],
                            "raw_seq_num": where["raw_seq_num"],
                        }
                    },
                )

    bench.RE.subscribe(Tell())
    optimizer = TransitionOptimizer("motor", 0, 80, resolution=1.0)
    assert isinstance(optimizer, Optimizer)
    assert isinstance(optimizer, SupportsStoppingCriteria)
    problem = OptimizationProblem(
        optimizer=optimizer,
        actuators=[bench.motor],
        sensors=[bench.detector, bench.device],
        evaluation_function=TransitionEvaluation(answers),
    )
    bench.run(optimize(problem, iterations=None))
    low, high = optimizer.interval
    assert low < TRANSITION <= high
    assert high - low <= 1.0
    ((_, parameters, outcome),) = optimizer.get_best_points()
    assert abs(parameters["motor"] - TRANSITION) <= 2
    assert outcome["changed"] in (0.0, 1.0)


def test_the_optimizer_asks_for_the_ends_first_and_takes_points_from_outside():
    optimizer = TransitionOptimizer("x", 0, 8, resolution=1)
    assert [s["x"] for s in optimizer.suggest(2)] == [0, 8]
    assert optimizer.get_best_points() == []
    optimizer.ingest([{"_id": 0, "changed": 0.0}, {"_id": 1, "changed": 1.0}])
    assert [s["x"] for s in optimizer.suggest(3)] == [2, 4, 6]
    optimizer.ingest([{"x": 5.0, "changed": 0.9}, {"x": 4.5, "changed": 0.2}])
    assert optimizer.interval == (4.5, 5.0)
    assert optimizer.should_stop() == (True, "transition between 4.5 and 5")
    with pytest.raises(ConfigurationError, match="no x and no known _id"):
        optimizer.ingest([{"_id": 99, "changed": 0.0}])
    with pytest.raises(ConfigurationError, match="low < high"):
        TransitionOptimizer("x", 8, 0, resolution=1)


def _soon(condition: Any) -> bool:
    import time

    for _ in range(500):
        if condition():
            return True
        time.sleep(0.01)
    return False
