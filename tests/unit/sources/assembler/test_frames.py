"""Runs whose events hold frames of a detector, inline."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from event_model import compose_run, pack_event_page

from alphadiffract_stream.integration import Integrator
from alphadiffract_stream.sources import PatternReceived, PatternRefused, RunStarted, RunStopped
from alphadiffract_stream.sources._assembler import Assembler, PatternKeys, Unfilled
from alphadiffract_stream.sources._external import filled
from tests.detector import SIDE, WAVELENGTH, frames, write_poni
from tests.raw_runs import POINTS, array_key, configuration, data_key, raw_run

COUNT = 2


@pytest.fixture(scope="module")
def integrator(tmp_path_factory):
    return Integrator(write_poni(tmp_path_factory.mktemp("c") / "detector.poni"), npt=700)


def frame_run(shape=(SIDE, SIDE), *, config=None, start=None, more=None, data=None, count=COUNT):
    """A run of CeO2 frames under ``det_image``, as lists where `shape` is what JSON gives."""
    keys = {"det_image": array_key(shape=list(shape)), **(more or {})}
    run = compose_run(metadata={"plan_name": "count", **(start or {})})
    bundle = run.compose_descriptor(
        name="primary",
        data_keys={**keys, "temperature": data_key(units="K")},
        object_keys={"det": list(keys), "furnace": ["temperature"]},
        configuration=config or {},
    )
    documents = [("start", dict(run.start_doc)), ("descriptor", dict(bundle.descriptor_doc))]
    for n, frame in enumerate(frames(count)):
        values = {"det_image": frame.reshape(shape), "temperature": 300.0 + n, **(data or {})}
        event = bundle.compose_event(
            data=values, timestamps=dict.fromkeys(values, 0.0), validate=False
        )
        documents.append(("event", dict(event)))
    return [*documents, ("stop", dict(run.compose_stop()))]


async def read(documents, integrator, **keys):
    wavelength = keys.pop("wavelength", None)
    assembler = Assembler(PatternKeys(**keys), "test", "here", wavelength, integrator=integrator)
    messages = []
    for name, document in documents:
        messages += [m async for m in filled(None, assembler.feed(name, document))]
    return messages + [m async for m in filled(None, assembler.finish())]


def patterns(messages):
    assert reasons(messages) == []
    return [m.pattern for m in messages if isinstance(m, PatternReceived)]


def reasons(messages):
    return [str(m.error) for m in messages if isinstance(m, PatternRefused)]


@pytest.mark.parametrize("shape", [(SIDE, SIDE), (1, SIDE, SIDE)])
async def test_each_frame_is_the_pattern_of_its_event(integrator, shape):
    messages = await read(frame_run(shape), integrator)

    assert isinstance(messages[0], RunStarted)
    assert messages[-1] == RunStopped(messages[0].run_uid, COUNT)
    for n, (found, frame) in enumerate(zip(patterns(messages), frames(COUNT), strict=True)):
        expected = integrator.integrate(frame)
        assert found.intensity.tolist() == expected.intensity.tolist()
        assert found.axis.tolist() == expected.two_theta.tolist()
        assert found.origin.seq_num == n + 1
        assert found.metadata["data"] == {"temperature": 300.0 + n}
        assert found.wavelength == pytest.approx(WAVELENGTH)


async def test_in_event_pages(integrator):
    start, descriptor, *events, stop = frame_run()
    page = pack_event_page(*(document for _, document in events))

    messages = await read([start, descriptor, ("event_page", dict(page)), stop], integrator)

    assert len(patterns(messages)) == COUNT


async def test_as_lists(integrator):
    documents = frame_run(count=1)
    documents[2][1]["data"]["det_image"] = frames(1)[0].tolist()

    assert len(patterns(await read(documents, integrator))) == 1


async def test_the_work_is_not_done_on_the_event_loop(integrator, monkeypatch):
    threads = []
    integrate = integrator.integrate

    def noted(frame):
        threads.append(threading.get_ident())
        return integrate(frame)

    monkeypatch.setattr(integrator, "integrate", noted)
    assembler = Assembler(PatternKeys(), "test", "here", None, integrator=integrator)
    messages = [m for name, doc in frame_run() for m in assembler.feed(name, doc)]
    assert sum(isinstance(m, Unfilled) for m in messages) == COUNT
    assert threads == []

    done = [m async for m in filled(None, messages)]

    assert len(patterns(done)) == COUNT
    assert threading.get_ident() not in threads


async def test_the_energy_of_the_event_wins(integrator):
    documents = frame_run(more={"mono_energy": data_key(units="keV")}, data={"mono_energy": 24.0})

    found = patterns(await read(documents, integrator, wavelength=0.7))

    assert [p.energy for p in found] == [pytest.approx(24.0)] * COUNT
    assert found[0].wavelength_source == "event: mono_energy (the PONI has 0.4133 Å)"


async def test_the_ponis_goes_before_the_one_for_data_that_names_none(integrator):
    found = patterns(await read(frame_run(), integrator, wavelength=0.7))

    assert found[0].wavelength == pytest.approx(WAVELENGTH)


async def test_without_either_the_operators_is_used(tmp_path):
    integrator = Integrator(write_poni(tmp_path / "a.poni", wavelength=None), npt=700)

    found = patterns(await read(frame_run(), integrator, wavelength=0.7))

    assert (found[0].wavelength, found[0].wavelength_source) == (0.7, "operator")


async def test_the_start_document_may_name_it(integrator):
    found = patterns(
        await read(frame_run(start={"alphadiffract": {"energy_kev": 29.99}}), integrator)
    )

    assert found[0].wavelength_source == "start: alphadiffract.energy_kev"


async def test_an_energy_that_cannot_be_read_is_not_passed_over(integrator):
    documents = frame_run(config={"mono": configuration(mono_energy=(500.0, ""))})

    assert all("mono_energy" in reason for reason in reasons(await read(documents, integrator)))


# --- which key ----------------------------------------------------------------------------------


async def test_a_pattern_called_intensity_goes_before_frames(integrator):
    documents = raw_run(1, data_keys={"det_image": array_key(shape=[SIDE, SIDE])})

    assert patterns(await read(documents, integrator))[0].intensity.size == POINTS


async def test_frames_go_before_other_arrays_where_there_is_a_calibration(integrator):
    documents = frame_run(more={"mca": array_key(2048)}, data={"mca": np.arange(2048)})

    assert patterns(await read(documents, integrator))[0].axis.size == 700


async def test_of_several_cameras_one_is_named(integrator):
    more = {"camera_image": array_key(shape=[SIDE, SIDE])}
    documents = frame_run(more=more, data={"camera_image": np.zeros((SIDE, SIDE))})

    assert all("?intensity=KEY" in r for r in reasons(await read(documents, integrator)))
    assert len(patterns(await read(documents, integrator, intensity="det_image"))) == COUNT


# --- refusals -----------------------------------------------------------------------------------


async def test_without_a_calibration_every_event_is_refused():
    messages = await read(frame_run(), None)

    assert isinstance(messages[0], RunStarted)
    assert messages[-1] == RunStopped(messages[0].run_uid, COUNT)
    assert len(reasons(messages)) == COUNT
    assert "'det_image' is frames of shape [512, 512]; pass" in reasons(messages)[0]
    assert "?poni=FILE" in reasons(messages)[0]
    assert messages[1].metadata["data"] == {"temperature": 300.0}


async def test_a_camera_beside_the_patterns_is_passed_over():
    camera, measured = frame_run(), raw_run(3)
    uid = measured[0][1]["uid"]
    descriptor = {**camera[1][1], "run_start": uid, "name": "camera"}
    documents = [measured[0], ("descriptor", descriptor), *measured[1:-1], camera[2], measured[-1]]

    messages = await read(documents, None)

    assert len(patterns(messages)) == 3


async def test_small_tables_are_no_frames():
    documents = frame_run(more={})
    documents[1][1]["data_keys"]["det_image"]["shape"] = [3, 3]

    assert await read(documents, None) == []


async def test_a_detector_of_another_shape_is_refused(integrator):
    reason = reasons(await read(frame_run((SIDE * 2, SIDE // 2)), integrator))

    assert len(reason) == COUNT
    assert "(1024, 256)" in reason[0]
    assert "(512, 512)" in reason[0]


@pytest.mark.parametrize(
    ("value", "match"),
    [
        (np.zeros((3, SIDE, SIDE)), "add or average"),
        (np.zeros((SIDE, 7)), "(512, 7)"),
        (np.zeros((2**14, 2**13), np.uint8), "16384 x 8192 pixels"),
        ([[1, 2], [3]], "no array"),
        ("not-filled", "external data is not read"),
    ],
)
async def test_a_value_that_is_not_what_was_described_is_refused(integrator, value, match):
    documents = frame_run(count=1)
    documents[2][1]["data"]["det_image"] = value

    (reason,) = reasons(await read(documents, integrator))

    assert match in reason
