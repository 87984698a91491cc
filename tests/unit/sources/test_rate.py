"""One run that floods does not take the others with it."""

import json

from alphadiffract_stream.sources import Dropped
from alphadiffract_stream.sources._frames import FrameReader
from alphadiffract_stream.sources._rate import Rate


def test_a_burst_then_as_many_each_second():
    now = 0.0
    rate = Rate(10, clock=lambda: now)

    assert [rate.exceeded("run") for _ in range(12)] == [False] * 10 + [True] * 2
    assert not rate.exceeded("another")
    now = 0.25
    assert [rate.exceeded("run") for _ in range(3)] == [False, False, True]
    now = 100.0
    assert sum(not rate.exceeded("run") for _ in range(30)) == 10


def test_what_is_remembered_is_bounded():
    rate = Rate(10, clock=lambda: 0.0)
    for number in range(5000):
        rate.exceeded(f"run {number}")

    assert len(rate._buckets) == 1000


def test_frames_of_a_run_that_floods_are_dropped_with_the_reason():
    reader = FrameReader("here", 0.5, 10_000, max_rate=3)
    header = {"version": 1, "kind": "pattern", "run": "flood", "shape": [1]}
    for _ in range(3):
        assert not isinstance(reader.read([json.dumps(header).encode()])[-1], Dropped)

    (dropped,) = reader.read([json.dumps(header).encode()])
    other = reader.read([json.dumps({**header, "run": "calm"}).encode()])

    assert isinstance(dropped, Dropped)
    assert "more than 3 messages a second" in dropped.reason
    assert len(other) == 2
