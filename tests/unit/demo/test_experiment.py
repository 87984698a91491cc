"""The devices publish what a beamline would, in documents that validate."""

from __future__ import annotations

import event_model
import numpy as np
import pytest

from alphadiffract_stream.demo._children import ProxyProcess
from alphadiffract_stream.demo._listener import Listener

pytest.importorskip("bluesky", reason="the demo extra is not installed")
pytest.importorskip("ophyd", reason="the demo extra is not installed")

from alphadiffract_stream.demo._experiment import Experiment


@pytest.fixture
def documents():
    """Documents of a scan of three frames, taken at the RunEngine."""
    experiment = Experiment(9, "raw", exposure=0.0, seed=0)
    taken: list[tuple[str, dict]] = []
    experiment._engine.subscribe(lambda name, document: taken.append((name, document)))
    try:
        uid = experiment.heat(3)
    finally:
        experiment.close()
    assert taken[0][1]["uid"] == uid
    return taken


def test_documents_are_valid(documents) -> None:
    for name, document in documents:
        event_model.schema_validators[event_model.DocumentNames[name]].validate(document)
    assert [name for name, _ in documents] == ["start", "descriptor", *["event"] * 3, "stop"]


def test_axis_energy_and_units_are_there(documents) -> None:
    descriptor = documents[1][1]
    keys = descriptor["data_keys"]
    axis = descriptor["configuration"]["detector"]
    assert keys["detector_intensity"]["shape"] == [3000]
    assert keys["mono_energy"]["units"] == "keV"
    assert keys["furnace_temperature"]["units"] == "K"
    assert axis["data_keys"]["detector_two_theta"]["units"] == "deg"
    assert len(axis["data"]["detector_two_theta"]) == 3000
    for _, event in documents[2:5]:
        assert np.asarray(event["data"]["detector_intensity"]).shape == (3000,)
        assert event["data"]["mono_energy"] == 30.0


def test_truth_is_not_in_the_documents(documents) -> None:
    """The service must not be able to read the answer."""
    for word in ("aragonite", "calcite", "lime", "cubic", "trigonal", "orthorhombic"):
        assert word not in repr(documents).lower()


def test_listener_sorts_prediction_runs_by_raw_run() -> None:
    """Prediction-like documents through a real proxy; a run whose start was missed is left out."""
    import zmq

    from alphadiffract_stream.wire import Serializer, encode_message

    def run(uid: str, raw: str, systems: list[str]):
        yield "start", {"uid": uid, "parents": [raw]}
        yield "descriptor", {"uid": f"{uid}-d", "run_start": uid}
        for number, system in enumerate(systems, start=1):
            data = {"crystal_system": system}
            yield "event", {"descriptor": f"{uid}-d", "seq_num": number, "data": data}
        yield "stop", {"uid": f"{uid}-s", "run_start": uid}

    with ProxyProcess() as proxy, Listener(proxy.subscribe_port, "p") as listener:
        with zmq.Context() as context, context.socket(zmq.PUB) as socket:
            socket.connect(f"tcp://127.0.0.1:{proxy.publish_port}")

            def send(name: str, document: dict, prefix: bytes = b"p") -> None:
                socket.send(encode_message(name, document, Serializer.MSGPACK, prefix))

            while listener.run("hello") is None:
                send("start", {"uid": "h", "parents": ["hello"]})
                listener.wait("hello", lambda _: True, 0.05)
            for name, document in list(run("lost", "raw-0", ["cubic"]))[1:]:
                send(name, document)
            for name, document in run("other", "raw-1", ["cubic"]):
                send(name, document, prefix=b"pp")
            for name, document in run("mine", "raw-2", ["trigonal", "cubic"]):
                send(name, document)
            found = listener.wait("raw-2", lambda run: run.stop is not None, 10)
        assert found is not None
        systems = [found.events[n]["data"]["crystal_system"] for n in (1, 2)]
        assert systems == ["trigonal", "cubic"]
        assert sorted(found.arrived) == [1, 2]
        assert listener.run("raw-0") is None
        assert listener.run("raw-1") is None
        assert listener.wait("raw-3", lambda _: True, 0.01) is None
