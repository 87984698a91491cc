"""Plans with the shipped network: simulated transitions, and a service that is killed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import bluesky.plans as bp
import msgpack_numpy
import pytest
import zmq
from bluesky import RunEngine
from bluesky.callbacks.zmq import Publisher

from alphadiffract_stream.bluesky import (
    AlphaDiffractCallback,
    AlphaDiffractDevice,
    PredictionLost,
    ServiceAnswers,
    event_then_prediction,
    scan_until_change,
)
from alphadiffract_stream.demo import BARIUM_TITANATE, CALCIUM_CARBONATE, Sample, simulated_devices
from alphadiffract_stream.demo._children import ProxyProcess, ServiceProcess
from alphadiffract_stream.engines._onnx import embedded_model

pytestmark = pytest.mark.skipif(
    not embedded_model().with_suffix(".json").is_file(),
    reason="the embedded network is not in this checkout",
)


@pytest.fixture
def run_engine() -> Iterator[Any]:
    engine = RunEngine({}, context_managers=[])
    yield engine
    engine.loop.call_soon_threadsafe(engine.loop.stop)
    while engine.loop.is_running():
        time.sleep(0.005)
    engine.loop.close()


def run(run_engine: Any, plan: Any) -> tuple[Any, list[tuple[str, dict[str, Any]]]]:
    documents: list[tuple[str, dict[str, Any]]] = []
    box: list[Any] = []

    def keep() -> Any:
        box.append((yield from plan))

    token = run_engine.subscribe(lambda name, document: documents.append((name, document)))
    try:
        run_engine(keep())
    except PredictionLost as error:
        box.append(error)
    finally:
        run_engine.unsubscribe(token)
    return box[0], documents


@pytest.mark.parametrize(
    ("sample", "frames", "onsets"),
    [
        (CALCIUM_CARBONATE, 60, [0, 1]),
        # Orthorhombic to tetragonal is not seen in steps of 5 K; see the benchmarks.
        (BARIUM_TITANATE, 77, [0, 2]),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_transitions_are_found_within_one_step(
    run_engine: Any, sample: Sample, frames: int, onsets: list[int]
) -> None:
    detector, mono, furnace = simulated_devices(exposure=0, sample=sample)
    temperatures = sample.temperatures(frames)
    step = temperatures[1] - temperatures[0]
    with AlphaDiffractCallback(drain_timeout=60) as callback:
        device = AlphaDiffractDevice(
            detectors=[detector, mono], predictor=callback.predictor, timeout=60
        )
        run_engine.subscribe(callback)
        run_engine.subscribe(device.follow)
        plan = scan_until_change(
            [detector, mono], device, furnace, temperatures, stop_after=0, false_alarm_rate=1e-3
        )
        result, documents = run(run_engine, plan)
        answered = callback.metrics.answered.total()
    found = [change.since for change in result.changes]
    for number in onsets:
        start, stop = sample.transitions[number]
        assert any(start - step <= since <= stop + step for since in found), (start, found)
    outside = [
        since
        for since in found
        if not any(a - step <= since <= b + step for a, b in sample.transitions)
    ]
    assert len(outside) <= 1, found
    events = [document for name, document in documents if name == "event"]
    assert [e["data"]["alphadiffract_raw_seq_num"] for e in events] == list(range(1, frames + 1))
    assert answered == frames


def test_a_plan_whose_service_is_killed_ends_with_the_reason(run_engine: Any) -> None:
    detector, mono, furnace = simulated_devices(exposure=0)
    with (
        ProxyProcess() as proxy,
        ServiceProcess(proxy, raw="raw", predictions="ours", engine="onnx:") as service,
        ServiceAnswers(f"127.0.0.1:{proxy.subscribe_port}", "ours") as answers,
    ):
        publisher = Publisher(
            f"127.0.0.1:{proxy.publish_port}", prefix=b"raw", serializer=msgpack_numpy.packb
        )
        publisher._socket.setsockopt(zmq.LINGER, 0)
        run_engine.subscribe(publisher)
        device = AlphaDiffractDevice(answers=answers, timeout=30, name="ad")
        run_engine.subscribe(device.follow)
        try:
            deadline = time.monotonic() + 90
            while answers.latest is None:  # until the way is open
                assert time.monotonic() < deadline, service.log()
                run_engine(bp.count([detector, mono, furnace]))
                time.sleep(0.2)

            def killed_at_350(name: str, document: dict[str, Any]) -> None:
                hot = document.get("data", {}).get("furnace_temperature", 0) > 350
                if name == "event" and hot and service.alive:
                    os.killpg(os.getpgid(service._process.pid), signal.SIGKILL)
                    device.latest.timeout = 1.0

            run_engine.subscribe(killed_at_350)
            plan = scan_until_change(
                [detector, mono],
                device,
                furnace,
                CALCIUM_CARBONATE.temperatures(60),
                step=event_then_prediction,
            )
            error, documents = run(run_engine, plan)
        finally:
            publisher.close()
    assert isinstance(error, PredictionLost)
    stop = documents[-1][1]
    assert stop["exit_status"] == "fail"
    assert stop["reason"] == "ad: no prediction within 1 s; is the service running?"
    assert stop["num_events"]["primary"] == stop["num_events"]["predictions"] + 1
    assert stop["num_events"]["predictions"] >= 3
    assert run_engine.state == "idle"
