"""Order, loss, duplicates: every event ends in exactly one message."""

import random
from collections import Counter

import msgpack
import msgpack_numpy
import numpy as np
import pytest
from event_model import pack_event_page
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alphadiffract_stream.sources import (
    Dropped,
    PatternReceived,
    PatternRefused,
    RunStarted,
    RunStopped,
)
from alphadiffract_stream.sources._assembler import Assembler, PatternKeys
from tests.raw_runs import POINTS, TWO_THETA, array_key, diffraction, raw_run


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def assembler(clock=None, keys=None, **options):
    return Assembler(
        keys or PatternKeys(), "test", "here", None, clock=clock or Clock(), patience=2, **options
    )


def feed(target, documents):
    return [message for name, document in documents for message in target.feed(name, document)]


def kinds(messages):
    return [type(message).__name__ for message in messages]


def seq_nums(messages):
    return [m.pattern.origin.seq_num for m in messages if isinstance(m, PatternReceived)]


def only(messages, kind):
    (found,) = [message for message in messages if isinstance(message, kind)]
    return found


WHOLE = ["RunStarted", "PatternReceived", "PatternReceived", "PatternReceived", "RunStopped"]


def test_a_run_in_order():
    documents = raw_run(3)
    uid = documents[0][1]["uid"]

    messages = feed(assembler(), documents)

    assert kinds(messages) == WHOLE
    started, first, _, last, stopped = messages
    assert started.run_uid == uid
    assert started.start["scan_id"] == 7
    assert started.wavelength == pytest.approx(12.398419843 / 20)
    assert started.wavelength_source == "configuration: det_energy"
    assert started.data_keys["temperature"]["units"] == "K"
    np.testing.assert_array_equal(first.pattern.intensity, diffraction(0))
    np.testing.assert_array_equal(first.pattern.axis, TWO_THETA)
    assert first.pattern.unit == "2th_deg"
    assert first.pattern.energy == pytest.approx(20)
    origin = last.pattern.origin
    event = documents[4][1]
    assert (origin.transport, origin.name, origin.run_uid) == ("test", "here", uid)
    assert (origin.descriptor_uid, origin.event_uid) == (event["descriptor"], event["uid"])
    assert (origin.seq_num, origin.time) == (3, event["time"])
    assert last.pattern.metadata == {
        "stream": "primary",
        "data": {"temperature": 302.0},
        "timestamps": {"temperature": 1.5},
    }
    assert (stopped.run_uid, stopped.num_events, stopped.exit_status) == (uid, 3, "success")


def test_a_page_is_its_events():
    documents = raw_run(3)
    page = pack_event_page(*(d for n, d in documents if n == "event"))
    packed = msgpack.unpackb(msgpack_numpy.packb(page), object_hook=msgpack_numpy.decode)

    messages = feed(assembler(), [*documents[:2], ("event_page", packed), documents[-1]])

    assert kinds(messages) == WHOLE
    assert seq_nums(messages) == [1, 2, 3]


@pytest.mark.parametrize(
    "change",
    [
        {"time": [1.0]},
        {"seq_num": [1, 2]},
        {"data": {"det_intensity": [[1.0]]}},
        {"data": 3},
        {"uid": None},
        {"filled": 7},
    ],
)
def test_a_ragged_page_is_dropped(change):
    documents = raw_run(3)
    page = {**pack_event_page(*(d for n, d in documents if n == "event")), **change}

    messages = feed(assembler(), [*documents[:2], ("event_page", page)])

    assert "event_page document" in only(messages, Dropped).reason


def test_a_bad_event_in_a_page_does_not_take_the_others_with_it():
    documents = raw_run(3)
    page = pack_event_page(*(d for n, d in documents if n == "event"))
    page["seq_num"] = [1, "two", 3]

    messages = feed(assembler(), [*documents[:2], ("event_page", page)])

    assert seq_nums(messages) == [1, 3]
    assert "seq_num ('two')" in only(messages, Dropped).reason


@pytest.mark.parametrize("order", [[1, 2, 0, 3, 4, 5], [2, 3, 4, 1, 0, 5], [5, 4, 3, 2, 1, 0]])
def test_documents_may_come_before_what_they_refer_to(order):
    documents = raw_run(3)

    messages = feed(assembler(), [documents[i] for i in order])

    assert sorted(seq_nums(messages)) == [1, 2, 3]
    assert kinds(messages)[0] == "RunStarted"
    assert kinds(messages)[-1] == "RunStopped"
    assert len(messages) == len(WHOLE)


def test_a_stop_waits_for_stragglers_and_then_no_more():
    clock = Clock()
    target = assembler(clock)
    documents = raw_run(3)
    late = documents.pop(3)

    assert kinds(feed(target, documents)) == WHOLE[:3]
    assert target.deadline == clock.now + 2
    clock.now += 2
    assert kinds(target.expire()) == ["RunStopped"]
    assert target.deadline is None

    (dropped,) = target.feed(*late)
    assert "closed already" in dropped.reason
    assert dropped.origin.seq_num == 2


def test_a_straggler_completes_its_run_at_once():
    target = assembler()
    documents = raw_run(3)
    documents.append(documents.pop(3))

    assert kinds(feed(target, documents)) == WHOLE


def test_joining_late_opens_the_run_with_what_is_known():
    clock = Clock()
    target = assembler(clock)
    documents = raw_run(3)[1:]

    assert feed(target, documents[:2]) == []
    clock.now += 2
    messages = target.expire() + feed(target, documents[2:])

    assert kinds(messages) == WHOLE
    assert messages[0].start["start_missing"] is True
    assert messages[0].start["uid"] == documents[0][1]["run_start"]


def test_streams_of_a_run_joined_late_are_settled_at_once():
    clock = Clock()
    target = assembler(clock)
    documents = raw_run(3, baseline=True)[1:]

    feed(target, documents[:1])
    clock.now += 2
    target.expire()

    assert kinds(feed(target, documents[1:])) == WHOLE


def test_joining_after_the_descriptor_drops_each_event_with_the_reason():
    clock = Clock()
    target = assembler(clock)

    assert feed(target, raw_run(3)[2:5]) == []
    clock.now += 2
    messages = target.expire()

    assert [m.origin.seq_num for m in messages] == [1, 2, 3]
    assert all("descriptor" in m.reason and "never came" in m.reason for m in messages)


def test_what_waits_is_bounded():
    target = assembler(max_waiting=5)

    messages = feed(target, raw_run(12)[2:-1])

    assert [m.origin.seq_num for m in messages] == [1, 2, 3, 4, 5, 6, 7]
    assert len(target.finish()) == 5


def test_events_that_wait_for_a_start_are_bounded():
    target = assembler(max_waiting=5)

    messages = feed(target, raw_run(12)[1:-1])

    assert messages[0].start["start_missing"] is True
    assert seq_nums(messages) == list(range(1, 13))


def test_a_lost_descriptor_is_accounted_for_when_the_run_stops():
    clock = Clock()
    target = assembler(clock)
    documents = raw_run(3)

    feed(target, [documents[0], documents[-1]])
    clock.now += 2

    assert "3 events of stream 'primary'" in only(target.expire(), Dropped).reason


def test_runs_without_patterns_leave_no_trace():
    keys = {"det_intensity": {"dtype": "number", "shape": [], "source": "ion chamber"}}

    assert feed(assembler(), raw_run(3, data_keys=keys, data={"det_intensity": 1.0})) == []


def test_only_the_stream_with_patterns_is_read():
    messages = feed(assembler(), raw_run(3, baseline=True))

    assert kinds(messages) == WHOLE
    assert messages[-1].num_events == 3


def test_a_reconfigured_detector_goes_on_with_its_stream():
    first, second = raw_run(2), raw_run(4)
    uid = first[0][1]["uid"]
    descriptor = {**second[1][1], "run_start": uid}
    documents = [*first[:-1], ("descriptor", descriptor), *second[4:6]]
    documents.append(("stop", {**first[-1][1], "num_events": {"primary": 4}}))

    messages = feed(assembler(), documents)

    assert seq_nums(messages) == [1, 2, 3, 4]
    assert kinds(messages)[-1] == "RunStopped"


def test_our_own_predictions_are_not_analysed_again():
    documents = raw_run(3, start={"analysis": "alphadiffract"})
    assert feed(assembler(), documents) == []

    clock = Clock()
    target = assembler(clock)
    joined_late = raw_run(3, stream="alphadiffract")[1:]
    messages = feed(target, joined_late)
    clock.now += 2
    assert messages + target.expire() == []


def test_two_runs_at_once():
    first, second = raw_run(3), raw_run(3)
    mixed = [document for pair in zip(first, second, strict=True) for document in pair]

    messages = feed(assembler(), mixed)

    for documents in (first, second):
        uid = documents[0][1]["uid"]
        mine = [
            m for m in messages if getattr(getattr(m, "pattern", None), "origin", m).run_uid == uid
        ]
        assert kinds(mine) == WHOLE


def test_the_oldest_of_too_many_runs_is_closed():
    target = assembler(max_runs=2)
    runs = [raw_run(1) for _ in range(3)]

    messages = [m for run in runs for m in feed(target, run[:-1])]

    stopped = only(messages, RunStopped)
    assert stopped.run_uid == runs[0][0][1]["uid"]
    assert (stopped.exit_status, stopped.num_events) == ("abort", None)


def test_a_run_that_is_replayed_is_analysed_again():
    clock = Clock()
    target = assembler(clock)
    documents = raw_run(3)

    assert kinds(feed(target, documents)) == WHOLE
    assert set(kinds(feed(target, documents))) == {"Dropped"}
    clock.now += 10
    assert kinds(feed(target, documents)) == WHOLE


def test_the_end_of_the_source_closes_what_is_open():
    target = assembler()
    documents = raw_run(3)
    feed(target, documents[:-1])

    (stopped,) = target.finish()

    assert (stopped.exit_status, stopped.run_uid) == ("fail", documents[0][1]["uid"])


def test_the_end_of_the_source_answers_what_waited_for_its_start():
    target = assembler()
    feed(target, raw_run(3)[1:])

    assert kinds(target.finish()) == WHOLE


@pytest.mark.parametrize(
    ("name", "document", "reason"),
    [
        ("sing", {}, "sing document: unknown document name"),
        ("bulk_events", {}, "unknown document name"),
        ("start", 3, "must be a mapping"),
        ("start", {}, "uid: Field required"),
        ("start", {"uid": 3, "time": 1}, "uid (3)"),
        ("start", {"uid": "a", "time": "noon"}, "time ('noon')"),
        ("start", {"uid": "a", "time": float("nan")}, "finite"),
        ("descriptor", {"uid": "a", "run_start": "b", "time": 1}, "data_keys: Field required"),
        ("event", {"uid": "a"}, "descriptor: Field required"),
        ("event_page", {}, "no event page"),
        ("stop", {"num_events": {"primary": -1}}, "run_start: Field required"),
    ],
)
def test_documents_that_are_none_are_dropped_with_the_reason(name, document, reason):
    (dropped,) = assembler().feed(name, document)

    assert reason in dropped.reason
    assert (dropped.origin.transport, dropped.origin.name) == ("test", "here")


def test_documents_that_come_twice_are_dropped_the_second_time():
    documents = raw_run(3)
    twice = [document for document in documents[:-1] for _ in range(2)] + documents[-1:]

    messages = feed(assembler(), twice)

    assert kinds([m for m in messages if not isinstance(m, Dropped)]) == WHOLE
    assert sum("duplicate" in m.reason for m in messages if isinstance(m, Dropped)) == 3


@pytest.mark.parametrize("external", ["FILESTORE:", "STREAM:"])
def test_external_data_is_refused_event_by_event(external):
    documents = raw_run(2, data_keys={"det_intensity": array_key(external=external)})
    for name, document in documents:
        if name == "event" and external == "STREAM:":
            del document["data"]["det_intensity"]
        elif name == "event":
            document["data"]["det_intensity"] = "resource/0"
            document["filled"] = {"det_intensity": False}
    datum = ("stream_datum", {"descriptor": documents[1][1]["uid"]})
    others = [(n, {}) for n in ("resource", "datum", "datum_page", "stream_resource")]

    messages = feed(assembler(), [*documents[:-1], *others, datum, datum, documents[-1]])

    refused = [m for m in messages if isinstance(m, PatternRefused)]
    assert [m.origin.seq_num for m in refused] == [1, 2]
    assert all("external data is not read" in str(m.error) for m in refused)
    assert refused[0].metadata["data"] == {"temperature": 300.0}
    assert "external data" in only(messages, Dropped).reason


def test_filled_external_data_is_read():
    documents = raw_run(1, data_keys={"det_intensity": array_key(external="FILESTORE:")})
    documents[2][1]["filled"] = {"det_intensity": True}

    assert len(seq_nums(feed(assembler(), documents))) == 1


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (["a"] * POINTS, "intensity"),
        ([[1.0, 2.0], [3.0]], "intensity"),
        (np.ones((2, POINTS)), "intensity"),
        ([1.0, 2.0], "axis"),
        (7.0, "intensity"),
        ({"a": 1}, "intensity"),
        (None, "intensity"),
    ],
)
def test_a_bad_pattern_is_refused_and_the_next_one_read(value, field):
    documents = raw_run(2)
    documents[2][1]["data"]["det_intensity"] = value

    _, refused, received, _ = feed(assembler(), documents)

    assert isinstance(refused, PatternRefused)
    assert refused.error.field == field
    assert refused.origin.seq_num == 1
    assert isinstance(received, PatternReceived)


def test_json_null_is_nan():
    documents = raw_run(1)
    documents[2][1]["data"]["det_intensity"] = [None, *map(float, range(POINTS - 1))]

    _, received, _ = feed(assembler(), documents)

    assert np.isnan(received.pattern.intensity[0])


def test_a_row_of_an_image_is_a_pattern():
    documents = raw_run(1, data_keys={"det_intensity": {**array_key(), "shape": [1, POINTS]}})
    documents[2][1]["data"]["det_intensity"] = diffraction(0)[None, :]

    _, received, _ = feed(assembler(), documents)

    assert received.pattern.intensity.shape == (POINTS,)


# --- properties ---------------------------------------------------------------------------------


def account(documents, messages):
    """Each raw event's uid must be in exactly one message."""
    answered = Counter(
        m.pattern.origin.event_uid if isinstance(m, PatternReceived) else m.origin.event_uid
        for m in messages
        if isinstance(m, PatternReceived | PatternRefused)
    )
    dropped = Counter(m.origin.event_uid for m in messages if isinstance(m, Dropped))
    events = Counter(d["uid"] for n, d in documents if n == "event")
    for uid, times in events.items():
        assert answered[uid] <= 1
        assert answered[uid] + dropped[uid] == times


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.randoms(use_true_random=False), st.data())
def test_whatever_the_order_every_event_is_answered_once_or_dropped(rng: random.Random, data):
    runs = [raw_run(5), raw_run(3, data={"det_intensity": [1.0]})]
    documents = [document for run in runs for document in run]
    documents += [d for d in documents if rng.random() < 0.3]
    documents = [d for d in documents if rng.random() < 0.9]
    rng.shuffle(documents)
    clock = Clock()
    target = assembler(clock, max_waiting=data.draw(st.integers(1, 20)), replay_after=1e9)

    messages = []
    for name, document in documents:
        messages += target.feed(name, document)
        if rng.random() < 0.1:
            clock.now += 1.5
    messages += target.finish()

    account(documents, messages)
    uids = [run[0][1]["uid"] for run in runs]
    for uid in uids:
        started = [m for m in messages if isinstance(m, RunStarted) and m.run_uid == uid]
        stopped = [m for m in messages if isinstance(m, RunStopped) and m.run_uid == uid]
        assert len(started) == len(stopped) <= 1
    open_now = set()
    for message in messages:
        match message:
            case RunStarted():
                open_now.add(message.run_uid)
            case RunStopped():
                open_now.remove(message.run_uid)
            case PatternReceived():
                assert message.pattern.origin.run_uid in open_now
            case PatternRefused():
                assert message.origin.run_uid in open_now
    assert not open_now
    assert target.finish() == []


NAMES = ["start", "descriptor", "event", "event_page", "stop", "datum", "stream_datum", "x"]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
FIELDS = ["uid", "time", "run_start", "descriptor", "seq_num", "data", "timestamps", "filled"]
FIELDS += ["data_keys", "name", "object_keys", "hints", "configuration", "num_events"]
FIELDS += ["exit_status", "reason", "analysis", "alphadiffract"]
fields = st.sampled_from(FIELDS)


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(NAMES), json_values), max_size=6))
def test_random_documents_never_raise(documents):
    target = assembler()
    feed(target, documents)
    target.finish()


@settings(deadline=None)
@given(st.integers(0, 5), fields, json_values, fields, json_values)
def test_mutilated_documents_never_raise_and_are_accounted_for(which, field, value, other, more):
    documents = raw_run(3)
    name, document = documents[which]
    documents[which] = (name, {**document, field: value, other: more})
    target = assembler()

    messages = feed(target, documents) + target.finish()

    for message in messages:
        assert isinstance(
            message, RunStarted | PatternReceived | PatternRefused | RunStopped | Dropped
        )
    if which not in (2, 3, 4):
        answered = [m for m in messages if isinstance(m, PatternReceived | PatternRefused)]
        dropped = [m for m in messages if isinstance(m, Dropped)]
        assert len(answered) == 3 or dropped or not any(isinstance(m, RunStarted) for m in messages)


def test_documents_of_external_data_made_to_harm_are_dropped():
    documents = raw_run(1, data_keys={"det_intensity": array_key(external="STREAM:")})
    uid, descriptor = documents[0][1]["uid"], documents[1][1]["uid"]
    resource = {"uid": "s", "run_start": uid, "data_key": "det_intensity", "uri": "file:///x"}
    span = {"start": 0, "stop": 2**52}  # a few bytes that announce years of events
    datum = {"uid": "s/0", "stream_resource": "s", "descriptor": descriptor}
    told = Assembler(PatternKeys(), "t", "n", None, external=True)
    for name, document in [*documents[:2], ("stream_resource", resource)]:
        told.feed(name, document)

    (rows,) = told.feed("stream_datum", {**datum, "indices": span, "seq_nums": span})
    nothing = told.feed("datum", {"datum_id": "d", "resource": {}})

    assert isinstance(rows, Dropped)
    assert f"{2**52} rows in one document" in rows.reason
    assert nothing == []
