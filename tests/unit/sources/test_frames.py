"""Plain 0MQ frames: the reader alone, then on sockets."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import zmq
from hypothesis import given, settings
from hypothesis import strategies as st

from alphadiffract_stream.errors import ConfigurationError
from alphadiffract_stream.pattern import HC_KEV_ANGSTROM, RadialUnit
from alphadiffract_stream.sources import (
    Dropped,
    PatternReceived,
    PatternRefused,
    Remember,
    Remembered,
    RunStarted,
    RunStopped,
    open_source,
)
from alphadiffract_stream.sources._frames import FrameReader

N = 50
INTENSITY = np.arange(N, dtype=np.float32)
RAMP = {"start": 3.0, "step": 0.1}
DOCUMENTATION = Path(__file__).resolve().parents[3] / "docs" / "reference" / "wire.md"


def header(kind="pattern", **fields) -> bytes:
    said = {"version": 1, "kind": kind, **fields}
    return json.dumps({k: v for k, v in said.items() if v is not ...}).encode()


def pattern(**fields) -> bytes:
    usual = {"run": "a", "shape": [N], "unit": "2th_deg", "axis": RAMP, "energy_kev": 20}
    return header(**{**usual, **fields})


def reader(wavelength=None, max_message=100_000) -> FrameReader:
    return FrameReader("here", wavelength, max_message)


def answer(*frames: bytes, wavelength=None):
    *_, last = reader(wavelength).read(list(frames))
    return last


def read(*frames: bytes, wavelength=None):
    message = answer(*frames, wavelength=wavelength)
    assert isinstance(message, PatternReceived), message
    return message.pattern


def test_a_pattern_opens_its_run():
    started, received = reader().read([pattern(seq_num=7, time=1.5), INTENSITY.tobytes()])

    assert isinstance(started, RunStarted)
    assert (started.run_uid, started.start) == ("a", {"uid": "a", "time": 1.5})
    found = received.pattern
    np.testing.assert_array_equal(found.intensity, INTENSITY)
    np.testing.assert_allclose(found.axis, 3 + 0.1 * np.arange(N))
    assert found.unit is RadialUnit.TWO_THETA_DEG
    assert found.energy == pytest.approx(20)
    assert found.wavelength_source == "header: energy_kev"
    origin = found.origin
    assert (origin.transport, origin.name, origin.run_uid) == ("frames", "here", "a")
    assert (origin.seq_num, origin.time) == (7, 1.5)


@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "uint16", "int64"])
def test_numbers_of_every_kind(dtype, order):
    array = INTENSITY.astype(np.dtype(dtype).newbyteorder(order))

    found = read(pattern(dtype=dtype, byte_order=order), array.tobytes())

    np.testing.assert_array_equal(found.intensity, INTENSITY)


def test_axis_sigma_and_mask_in_frames():
    axis, sigma = INTENSITY + 1, np.sqrt(INTENSITY)
    mask = INTENSITY > 40
    arrays = [INTENSITY, axis, sigma, mask.astype(np.uint8)]

    found = read(
        pattern(axis="frame", sigma="frame", mask="frame", unit="q_nm^-1"),
        *(a.tobytes() for a in arrays),
    )

    np.testing.assert_array_equal(found.axis, axis)
    np.testing.assert_array_equal(found.sigma, sigma)
    np.testing.assert_array_equal(found.mask, mask)


def test_axes_in_the_header():
    listed = read(pattern(axis=list(range(N))), INTENSITY.tobytes())
    to_stop = read(pattern(axis={"start": 1, "stop": 50}), INTENSITY.tobytes())

    np.testing.assert_array_equal(listed.axis, np.arange(N))
    np.testing.assert_array_equal(to_stop.axis, np.arange(N) + 1)


def test_the_start_header_says_what_patterns_leave_out():
    target = reader()
    said = {"axis": "frame", "unit": "q_A^-1", "wavelength": 0.4, "sample": "LaB6"}
    (started,) = target.read([header("start", run="b", time=2.0, metadata={"n": 1}, **said)])
    bare = header(run="b", shape=[N], metadata={"temperature": 300})
    (received,) = target.read([bare, INTENSITY.tobytes(), INTENSITY.tobytes()])
    (stopped,) = target.read([header("stop", run="b", num_events=4, reason="done")])

    assert started.start == {"uid": "b", "time": 2.0, "sample": "LaB6", "n": 1}
    assert received.pattern.unit is RadialUnit.Q_INV_ANGSTROM
    assert received.pattern.wavelength == 0.4
    assert received.pattern.wavelength_source == "start header: wavelength"
    assert received.pattern.metadata == {"data": {"temperature": 300}}
    assert stopped == RunStopped("b", 4, "success", "done")


def test_the_operators_wavelength_goes_last():
    assert read(pattern(energy_kev=...), INTENSITY.tobytes(), wavelength=0.5).wavelength == 0.5
    assert read(pattern(energy_kev=...), INTENSITY.tobytes()).wavelength is None
    energy = read(pattern(), INTENSITY.tobytes(), wavelength=0.5).wavelength
    assert energy == pytest.approx(HC_KEV_ANGSTROM / 20)


def test_patterns_without_names_are_one_run_counted_from_one():
    target = reader()
    nameless = pattern(run=...)
    messages = [m for _ in range(3) for m in target.read([nameless, INTENSITY.tobytes()])]
    (stopped,) = target.read([header("stop")])
    again, _ = target.read([nameless, INTENSITY.tobytes()])

    assert [m.pattern.origin.seq_num for m in messages[1:]] == [1, 2, 3]
    assert stopped.run_uid == messages[0].run_uid != again.run_uid


@pytest.mark.parametrize(
    ("fields", "frames", "reason"),
    [
        ({}, [], "frames: 0; send 1 after the header: intensity"),
        ({}, [b"", b""], "frames: 2"),
        ({}, [b"1234"], "intensity: 4 bytes; 50 values of float32 are 200"),
        ({"dtype": "float64"}, [INTENSITY.tobytes()], "50 values of float64 are 400"),
        ({"mask": "frame"}, [INTENSITY.tobytes(), b"1"], "mask: 1 bytes; 50 values of uint8"),
        ({"dtype": "object"}, [b""], "dtype: 'object'"),
        ({"shape": [10, 5]}, [INTENSITY.tobytes()], "shape: [10, 5]; send one pattern"),
        ({"shape": []}, [INTENSITY.tobytes()], "shape: []"),
        ({"shape": [-1]}, [INTENSITY.tobytes()], "shape: -1"),
        ({"shape": [10**12]}, [INTENSITY.tobytes()], "shape: 1000000000000"),
        ({"shape": ...}, [INTENSITY.tobytes()], "shape: missing"),
        ({"unit": "furlong"}, [INTENSITY.tobytes()], "unit: 'furlong'"),
        ({"unit": ...}, [INTENSITY.tobytes()], "unit: missing; give one of 2th_deg"),
        ({"axis": ...}, [INTENSITY.tobytes()], "axis: missing; give start and step"),
        ({"axis": [1, 2]}, [INTENSITY.tobytes()], "axis: 2 values"),
        ({"axis": "event"}, [INTENSITY.tobytes()], "axis: "),
        ({"axis": {"start": 1}}, [INTENSITY.tobytes()], "axis"),
        ({"wavelength": 1}, [INTENSITY.tobytes()], "energy_kev or wavelength"),
        ({"energy_kev": -20}, [INTENSITY.tobytes()], "energy_kev: -20"),
        ({"colour": "red"}, [INTENSITY.tobytes()], "colour: 'red'"),
    ],
)
def test_a_pattern_that_is_wrong_is_refused_and_the_next_one_read(fields, frames, reason):
    target = reader()

    _, refused = target.read([pattern(seq_num=1, **fields), *frames])
    (received,) = target.read([pattern(seq_num=2), INTENSITY.tobytes()])

    assert isinstance(refused, PatternRefused)
    assert reason in str(refused.error)
    assert (refused.origin.run_uid, refused.origin.seq_num) == ("a", 1)
    assert isinstance(received, PatternReceived)


@pytest.mark.parametrize(
    ("frames", "reason"),
    [
        ([b""], "no JSON header"),
        ([b"\xff"], "no JSON header"),
        ([b"[" * 100_000], "100000 levels of nesting"),
        ([b"[1]"], "must be an object"),
        ([b"{}"], "header version: missing"),
        ([header("sing")], "header kind: 'sing'"),
        ([header("pattern", seq_num="1")], "header seq_num: '1'"),
        ([header("pattern", run=7)], "header run: 7"),
        ([header("start", run="x", energy_kev="high")], "start header energy_kev: 'high'"),
        ([header("stop", run="x")], "run x is not open"),
        ([b"x" * 100_001], "more than 100000"),
    ],
)
def test_what_is_no_message_is_dropped_with_the_reason(frames, reason):
    message = answer(*frames)

    assert isinstance(message, Dropped)
    assert reason in message.reason


def test_a_wrong_stop_header_is_dropped():
    target = reader()
    target.read([header("start", run="x")])

    (dropped,) = target.read([header("stop", run="x", num_events=-1)])

    assert "stop header num_events: -1" in dropped.reason


def test_what_comes_twice_is_dropped():
    target = reader()
    first = [pattern(seq_num=1), INTENSITY.tobytes()]
    target.read(first)

    (again,) = target.read(first)
    (start,) = target.read([header("start", run="a")])
    target.read([header("stop", run="a")])
    (late,) = target.read(first)
    target.read([header("start", run="a")])
    (anew,) = target.read(first)

    assert "duplicate" in again.reason
    assert "has started already" in start.reason
    assert "begins it anew" in late.reason
    assert isinstance(anew, PatternReceived)


def test_open_runs_are_bounded_and_closed_at_the_end():
    target = reader()
    messages = [m for i in range(65) for m in target.read([header("start", run=f"run {i}")])]

    (evicted,) = [m for m in messages if isinstance(m, RunStopped)]
    assert (evicted.run_uid, evicted.exit_status) == ("run 0", "abort")
    assert len(target.finish()) == 64
    assert target.finish() == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
NAMES = ["run", "seq_num", "time", "shape", "unit", "axis", "energy_kev", "dtype", "sigma", "mask"]
names = st.sampled_from([*NAMES, "metadata"])
kinds = st.sampled_from(["start", "pattern", "stop"])


@settings(deadline=None)
@given(
    st.lists(st.tuples(kinds, st.dictionaries(names, json_values), st.lists(st.binary(max_size=9))))
)
def test_random_messages_never_raise_and_each_has_an_outcome(items):
    target = reader()
    for kind, fields, frames in items:
        assert target.read([header(kind, **fields), *frames])


@given(st.lists(st.binary(max_size=30), min_size=1, max_size=4))
def test_random_bytes_never_raise(frames):
    assert reader().read(frames)


async def test_the_sender_of_the_documentation_is_understood():
    """The example in docs/reference/wire.md, run as it stands but for its address."""
    code = re.search(r"```python\n(# sender\.py.*?)```", DOCUMENTATION.read_text(), re.DOTALL)[1]
    source = open_source("frames://127.0.0.1:0?bind=yes")
    assert "tcp://localhost:5580" in code

    exec(code.replace("tcp://localhost:5580", source.address), {})

    messages = []
    async for message in source:
        messages.append(message)
        if isinstance(message, RunStopped):
            break
    await source.close()
    received = [m for m in messages if isinstance(m, PatternReceived)]
    assert len(received) == messages[-1].num_events > 0
    assert received[0].pattern.energy == pytest.approx(30)


async def test_a_publisher_can_be_subscribed_to():
    context = zmq.Context()
    publisher = context.socket(zmq.XPUB)
    port = publisher.bind_to_random_port("tcp://127.0.0.1")
    source = open_source(f"frames://127.0.0.1:{port}?socket=sub")
    publisher.recv()
    publisher.send_multipart([pattern(), INTENSITY.tobytes()])

    iterator = aiter(source)
    assert isinstance(await anext(iterator), RunStarted)
    assert isinstance(await anext(iterator), PatternReceived)
    await source.close()
    assert isinstance(await anext(iterator), RunStopped)
    context.destroy(linger=0)


def test_an_address_that_is_taken_is_said():
    context = zmq.Context()
    socket = context.socket(zmq.PULL)
    port = socket.bind_to_random_port("tcp://127.0.0.1")

    with pytest.raises(ConfigurationError, match="cannot bind"):
        open_source(f"frames://127.0.0.1:{port}?bind=yes")
    with pytest.raises(ConfigurationError, match="unknown option"):
        open_source(f"frames://127.0.0.1:{port}?topic=x")

    context.destroy(linger=0)


def test_a_million_faults_in_a_header_are_told_as_one():
    axis = ["no number"] * 250_000

    *_, told = reader(max_message=10**8).read([pattern(axis=axis), INTENSITY.tobytes()])

    assert isinstance(told, PatternRefused)
    assert told.error.field == "axis"


def test_a_run_goes_on_after_a_restart():
    before = reader()
    before.recall([])
    start = header("start", run="a", unit="2th_deg", axis=RAMP, energy_kev=20)
    messages = before.read([start])
    bare = header(run="a", shape=[N])
    messages += before.read([bare, INTENSITY.tobytes()])
    assert before.finish() == [], "it is left open"
    (note,) = [m for m in messages if isinstance(m, Remember)]
    after = reader()
    after.recall([Remembered("a", [(note.name, note.document)], last_seq_num=1)])
    (received,) = after.read([bare, INTENSITY.tobytes()])
    assert received.pattern.origin.seq_num == 2
    assert received.pattern.energy == pytest.approx(20)
    (stopped,) = after.read([header("stop", run="a", num_events=2)])
    assert stopped.num_events == 2


def test_a_run_without_a_name_goes_on_after_a_restart():
    before = reader()
    before.recall([])
    started, note, _ = before.read([pattern(run=...), INTENSITY.tobytes()])
    after = reader()
    after.recall([Remembered(started.run_uid, [(note.name, note.document)], last_seq_num=1)])
    (received,) = after.read([pattern(run=...), INTENSITY.tobytes()])
    assert received.pattern.origin.run_uid == started.run_uid
    assert received.pattern.origin.seq_num == 2
