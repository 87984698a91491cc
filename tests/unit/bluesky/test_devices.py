"""Devices: the prediction in the event of its own pattern, and what if there is none."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import Future
from typing import Any

import bluesky.plan_stubs as bps
import bluesky.plans as bp
import bluesky.preprocessors as bpp
import numpy as np
import pytest
from bluesky.utils import FailedStatus
from ophyd import Component, Device, Signal
from ophyd.status import DeviceStatus
from ophyd_async.core import Array1D, AsyncStatus, StandardReadable, soft_signal_r_and_setter
from ophyd_async.core import StandardReadableFormat as Format

from alphadiffract_stream.bluesky import (
    AlphaDiffractCallback,
    AlphaDiffractDevice,
    AlphaDiffractReadable,
    Answers,
    PredictionLost,
    Predictor,
    predict_and_read,
    trigger_then_predict,
)
from alphadiffract_stream.bluesky._arrivals import AmbiguousExposure, Arrivals
from alphadiffract_stream.bluesky._signals import FIELDS, values_of
from alphadiffract_stream.demo import Diffractometer, simulated_devices
from alphadiffract_stream.documents import answer_data
from alphadiffract_stream.errors import ConfigurationError
from alphadiffract_stream.pattern import Pattern
from tests.predictions import origin, predicted
from tests.raw_runs import TWO_THETA, diffraction


class LateDetector(Device):
    """Finishes its exposure some time after `trigger` has returned, as a camera does."""

    intensity = Component(Signal, value=diffraction(0))
    two_theta = Component(Signal, value=TWO_THETA, kind="config")
    wavelength = Component(Signal, value=0.6199, kind="config")
    taken = 0

    def trigger(self) -> DeviceStatus:
        status = DeviceStatus(self)
        self.taken += 1

        def expose() -> None:
            time.sleep(0.02)
            self.intensity.put(diffraction(self.taken))
            status.set_finished()

        threading.Thread(target=expose).start()
        return status


class AsyncDetector(StandardReadable):
    """The same for ophyd-async."""

    def __init__(self, name: str) -> None:
        self.intensity, self._set = soft_signal_r_and_setter(Array1D[np.float64], diffraction(0))
        axis, _ = soft_signal_r_and_setter(Array1D[np.float64], TWO_THETA, units="deg")
        beam, _ = soft_signal_r_and_setter(float, 20.0, units="keV")
        self.two_theta, self.energy = axis, beam
        self.add_readables([self.intensity], Format.HINTED_SIGNAL)
        self.add_readables([axis, beam], Format.CONFIG_SIGNAL)
        self.taken = 0
        super().__init__()
        self.set_name(name, child_name_separator="_")

    @AsyncStatus.wrap
    async def trigger(self) -> None:
        self.taken += 1
        await asyncio.sleep(0.01)
        self._set(diffraction(self.taken))


def events(run_engine: Any, plan: Any) -> list[dict[str, Any]]:
    documents: list[tuple[str, dict[str, Any]]] = []
    token = run_engine.subscribe(lambda name, document: documents.append((name, document)))
    try:
        run_engine(plan)
    finally:
        run_engine.unsubscribe(token)
        events.start, events.stop = documents[0][1], documents[-1][1]
    return [document for name, document in documents if name == "event"]


def expected(predictor: Predictor, number: int) -> float:
    pattern = Pattern(diffraction(number), TWO_THETA, "2th_deg", wavelength=0.6199)
    return predictor.predict(pattern).result().lattice[0]


@pytest.mark.parametrize("device_class", [AlphaDiffractDevice, AlphaDiffractReadable])
@pytest.mark.parametrize("kind", ["late", "async"])
def test_the_prediction_is_in_the_event_of_its_pattern(run_engine, predictor, kind, device_class):
    detector: Any = LateDetector(name="det") if kind == "late" else AsyncDetector("det")
    device = device_class(detectors=[detector], predictor=predictor, name="ad")
    run_engine.subscribe(device.follow)
    found = events(run_engine, bp.count([detector, device], num=3))
    assert [e["data"]["ad_raw_seq_num"] for e in found] == [1, 2, 3]
    assert {e["data"]["ad_raw_run_uid"] for e in found} == {events.start["uid"]}
    assert {e["data"]["ad_status"] for e in found} == {"ok"}
    for number, event in enumerate(found, start=1):
        np.testing.assert_array_equal(event["data"]["det_intensity"], diffraction(number))
        lattice = pytest.approx(expected(predictor, number), rel=1e-3)
        assert event["data"]["ad_lattice_a"] == lattice
    assert len({e["data"]["ad_lattice_a"] for e in found}) == 3
    features = device.latest.features()
    assert features is not None
    assert features["embedding"].shape == (16,)


@pytest.mark.parametrize("order", [0, 1])
def test_a_detector_that_is_done_before_it_is_asked_for(run_engine, predictor, order):
    """The demo's detector exposes within `trigger`, before or after ours."""
    detector, mono, furnace = simulated_devices(exposure=0)
    device = AlphaDiffractDevice(detectors=[detector, mono], predictor=predictor)
    run_engine.subscribe(device.follow)
    devices = [detector, mono, device] if order else [device, mono, detector]
    found = events(run_engine, bp.list_scan(devices, furnace, [300.0, 900.0, 1200.0]))
    for event in found:
        pattern = Pattern(
            event["data"]["detector_intensity"],
            Diffractometer().two_theta,
            "2th_deg",
            wavelength=12.398419843 / 30,
        )
        answer = predictor.predict(pattern).result()
        assert event["data"]["alphadiffract_lattice_a"] == pytest.approx(answer.lattice[0])


def test_units_and_types_are_described(predictor):
    detector = LateDetector(name="det")
    device = AlphaDiffractDevice(detectors=[detector], predictor=predictor, name="ad")
    keys = device.describe()
    assert keys.keys() == {f"ad_{field}" for field in FIELDS}
    assert keys["ad_lattice_a"]["units"] == "angstrom"
    assert keys["ad_lattice_gamma_std"]["units"] == "deg"
    assert keys["ad_crystal_system_probabilities"]["shape"] == [7]
    assert keys["ad_space_group_numbers"]["dtype_numpy"] == "<i8"
    assert device.hints["fields"] == ["ad_crystal_system_probability", "ad_space_group_number"]


def test_a_live_view_is_told_from_the_exposure(run_engine, predictor):
    detector = LateDetector(name="det")
    device = AlphaDiffractDevice(detectors=[detector], predictor=predictor, name="ad")
    run_engine.subscribe(device.follow)

    @bpp.stage_decorator([detector, device])
    @bpp.run_decorator()
    def plan(step):
        yield from step([detector], device)
        for number in (20, 21):
            detector.intensity.put(diffraction(number))
        yield from step([detector], device)

    # What a live view shows belongs to no exposure: not guessed at, but said.
    with pytest.raises(PredictionLost, match="2 patterns have come since the last prediction"):
        run_engine(plan(predict_and_read))
    found = events(run_engine, plan(trigger_then_predict))
    assert len(found) == 2
    expected_value = pytest.approx(expected(predictor, detector.taken))
    assert found[1]["data"]["ad_lattice_a"] == expected_value


def test_frames_of_other_events_are_not_this_exposures(run_engine, predictor):
    """Dark frames between two points, which the device did not take part in."""
    detector = LateDetector(name="det")
    device = AlphaDiffractDevice(detectors=[detector], predictor=predictor, name="ad")
    run_engine.subscribe(device.follow)

    @bpp.stage_decorator([detector, device])
    @bpp.run_decorator()
    def plan():
        yield from bps.trigger_and_read([detector, device])
        for _ in range(3):
            yield from bps.trigger_and_read([detector], name="dark")
        yield from bps.trigger_and_read([detector, device])

    found = events(run_engine, plan())
    assert [e["data"].get("ad_raw_seq_num") for e in found] == [1, None, None, None, 2]
    assert found[-1]["data"]["ad_lattice_a"] == pytest.approx(expected(predictor, 5))


class Silent(Predictor):
    """Never answers."""

    def __init__(self) -> None:
        pass

    def predict(self, pattern: Pattern) -> Future[Any]:
        return Future()


@pytest.mark.parametrize("device_class", [AlphaDiffractDevice, AlphaDiffractReadable])
@pytest.mark.parametrize("required", [True, False])
def test_no_answer_fails_the_plan_or_is_recorded(run_engine, device_class, required):
    detector = LateDetector(name="det")
    device = device_class(
        detectors=[detector], predictor=Silent(), name="ad", timeout=0.1, required=required
    )
    reason = r"no prediction within 0\.1 s"
    if required:
        with pytest.raises(FailedStatus) as caught:
            events(run_engine, bp.count([detector, device]))
        assert "no prediction within 0.1 s" in str(caught.value.__cause__)
        assert events.stop["exit_status"] == "fail"
        if device_class is AlphaDiffractDevice:
            assert "no prediction within 0.1 s" in events.stop["reason"]
        with pytest.raises(PredictionLost, match=reason):
            run_engine(predict_and_read([detector], device))
    else:
        (event,) = events(run_engine, bp.count([detector, device]))
        assert event["data"]["ad_status"] == "failed"
        assert "no prediction within" in event["data"]["ad_reason"]
        assert np.isnan(event["data"]["ad_lattice_a"])


def test_a_pattern_that_is_refused_is_recorded(run_engine, predictor):
    detector = LateDetector(name="det")
    detector.wavelength.put(float("nan"))
    device = AlphaDiffractDevice(detectors=[detector], predictor=predictor, name="ad")
    (event,) = events(run_engine, bp.count([detector, device]))
    assert event["data"]["ad_status"] == "refused"
    assert "wavelength" in event["data"]["ad_reason"]


def test_predictions_of_the_callback_in_a_stream_of_their_own(run_engine, predictor):
    detector = LateDetector(name="det")
    with AlphaDiffractCallback(predictor=predictor) as callback:
        device = AlphaDiffractDevice(answers=callback.answers, name="ad")
        run_engine.subscribe(callback)
        run_engine.subscribe(device.follow)

        @bpp.run_decorator()
        def plan():
            for _ in range(2):
                yield from bps.trigger_and_read([detector])
                yield from bps.trigger_and_read([device], name="predictions")

        found = events(run_engine, plan())
        assert [e["data"].get("ad_raw_seq_num") for e in found] == [None, 1, None, 2]
        uids = {e["data"].get("ad_raw_run_uid") for e in found}
        assert uids == {None, events.start["uid"]}
        # Before the first event there is nothing to wait for.
        with pytest.raises(FailedStatus) as caught:
            run_engine(bpp.run_wrapper(bps.trigger(device, wait=True)))
        assert "no event of stream 'primary'" in str(caught.value.__cause__)


def test_predictions_that_come_before_their_event(run_engine):
    """A service that gets the frames before the event knows it by run uid and seq_num."""
    detector = LateDetector(name="det")
    answers = Answers()
    device = AlphaDiffractDevice(answers=answers, exposure="next", name="ad")
    run_engine.subscribe(device.follow)

    def service(name: str, document: dict[str, Any]) -> None:
        if name == "start":
            for n in (2, 1):
                where = origin(n, run_uid=document["uid"])
                data = answer_data(predicted(where), n, 20.0, "test")
                answers("event", {"data": {**data, "lattice_a": 4.0 + n}})

    run_engine.subscribe(service)
    found = events(run_engine, bp.count([detector, device], num=2))
    assert [e["data"]["ad_lattice_a"] for e in found] == [5.0, 6.0]
    assert [e["data"]["ad_space_group_number"] for e in found] == [62, 62]


def test_values_fit_their_keys_whatever_comes():
    values = values_of({"status": "ok", "lattice_a": None, "space_group_numbers": [1, 2]})
    assert np.isnan(values["lattice_a"])
    assert values["space_group_numbers"].tolist() == [1, 2, 0, 0, 0]
    assert values["crystal_system_probabilities"].shape == (7,)
    for field, what in FIELDS.items():
        assert type(values[field]) is type(what.initial)


def test_arrivals_are_handed_out_once():
    signal = Signal(name="x", value=0)
    arrivals = Arrivals(signal)
    signal.put(1)
    assert arrivals.next().done()
    waiting = arrivals.next()
    assert not waiting.done()
    signal.put(1)
    assert waiting.result(1) is None
    for value in (2, 3):
        signal.put(value)
    with pytest.raises(AmbiguousExposure):
        arrivals.next().result()
    signal.put(4)
    arrivals.reset()
    assert not arrivals.next().done()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "give detectors and a predictor"),
        ({"predictor": Silent(), "answers": Answers()}, "give detectors and a predictor"),
        ({"predictor": Silent()}, "name the detector"),
        ({"predictor": Silent(), "detectors": [Signal(name="x")]}, "cannot tell which"),
    ],
)
def test_a_device_says_what_it_lacks(options, said):
    with pytest.raises(ConfigurationError, match=said):
        AlphaDiffractDevice(**options)
