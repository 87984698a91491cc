"""What is remembered of an open run, and how it goes on with that."""

import pytest

from alphadiffract_stream.sources import (
    Dropped,
    PatternReceived,
    PatternRefused,
    Remember,
    Remembered,
    RunStarted,
    RunStopped,
)
from alphadiffract_stream.sources._assembler import Assembler, PatternKeys
from tests.external_runs import by_stream
from tests.raw_runs import raw_run


def assembler(**options) -> Assembler:
    return Assembler(PatternKeys(), "test", "here", None, patience=2, **options)


def remembering(**options) -> Assembler:
    made = assembler(**options)
    assert made.recall(()) == []
    return made


def feed(target, documents):
    return [message for name, document in documents for message in target.feed(name, document)]


def of(kind, messages):
    return [message for message in messages if isinstance(message, kind)]


def remembered(messages) -> list[Remembered]:
    notes = of(Remember, messages)
    uids = dict.fromkeys(note.run_uid for note in notes)
    return [
        Remembered(uid, [(n.name, n.document) for n in notes if n.run_uid == uid]) for uid in uids
    ]


def test_nobody_asks_and_nothing_is_told():
    assert not of(Remember, feed(assembler(), raw_run()))


def test_start_and_descriptor_are_told_once_the_run_is_analysed():
    run = raw_run(baseline=True)
    messages = feed(remembering(), run[:-1])
    assert isinstance(messages[0], RunStarted)
    names = [note.name for note in of(Remember, messages)]
    assert names == ["start", "descriptor", "descriptor"]
    assert isinstance(messages[4], PatternReceived), "before the first event"


def test_runs_without_patterns_leave_nothing():
    run = [named for named in raw_run(events=0) if named[0] in ("start", "stop")]
    target = remembering()
    assert feed(target, run) == []
    assert not target._runs.memory._waiting


@pytest.mark.parametrize("cut", range(2, 7))
def test_a_run_goes_on_anywhere(cut):
    run = raw_run(events=4)
    first = remembering()
    before = feed(first, run[:cut])
    assert not of(RunStopped, first.suspend())
    second = assembler()
    recalled = second.recall(remembered(before))
    assert len(of(RunStarted, recalled)) == (1 if before else 0)
    after = feed(second, run[cut:])
    patterns = of(PatternReceived, before) + of(PatternReceived, after)
    assert [message.pattern.origin.seq_num for message in patterns] == [1, 2, 3, 4]
    assert not of(Dropped, [*before, *after])


def test_a_stop_that_waits_for_events_is_remembered():
    start, descriptor, first, _, stop = raw_run(events=2)
    before = feed(remembering(), [start, descriptor, first, stop])
    assert [note.name for note in of(Remember, before)] == ["start", "descriptor", "stop"]
    now = 0.0
    second = Assembler(PatternKeys(), "test", "here", None, patience=2, clock=lambda: now)
    second.recall(remembered(before))
    now = 10.0
    (ended,) = of(RunStopped, second.expire())
    assert ended.num_events == 2


def test_what_came_too_early_is_told_when_it_is_suspended():
    _, descriptor, event, *_ = raw_run()
    target = remembering()
    assert feed(target, [descriptor, event]) == []
    messages = target.suspend()
    assert [type(m) for m in messages] == [RunStarted, PatternReceived, Remember]


def test_documents_that_cannot_be_used_any_more_are_dropped_with_the_reason():
    (dropped,) = assembler().recall([Remembered("run", [("descriptor", {"uid": 3})])])
    assert isinstance(dropped, Dropped)
    assert "descriptor document kept of run run" in dropped.reason


def test_without_a_memory_a_suspended_run_is_ended():
    target = assembler()
    feed(target, raw_run()[:-1])
    (ended,) = of(RunStopped, target.suspend())
    assert ended.exit_status == "fail"


def test_where_external_data_lies_is_remembered(tmp_path):
    documents = by_stream(tmp_path / "never.h5", 2)
    before = feed(remembering(external=True), documents[:-1])
    names = {note.name for note in of(Remember, before)}
    assert {"start", "descriptor", "stream_resource", "stream_datum"} <= names
    second = assembler(external=True)
    second.recall(remembered(before))
    again = [*second.feed(*documents[-1]), *second.finish()]
    assert len(of(PatternRefused, again)) == 2, "to be read from the file, once more"


@pytest.mark.parametrize("cut", range(2, 6))
def test_a_run_of_frames_nobody_integrates_goes_on(cut):
    run = frame_run()
    first = remembering()
    before = feed(first, run[:cut])
    if cut > 2:
        assert [type(one) for one in before[:4]] == [RunStarted, Remember, Remember, PatternRefused]
    first.suspend()
    second = assembler()
    recalled = second.recall(remembered(before))
    assert len(of(RunStarted, recalled)) == (1 if before else 0)
    rest = run[cut:] if before else run
    after = feed(second, rest) + second.finish()
    refused = of(PatternRefused, before) + of(PatternRefused, after)
    assert [message.origin.seq_num for message in refused] == [1, 2, 3]
    assert len(of(RunStopped, after)) == 1
    assert len(of(RunStarted, after)) == (0 if before else 1)


def test_events_of_a_camera_are_not_passed_over_unread():
    target = assembler()
    run = frame_run()
    feed(target, run[:2])
    assert target.skip(run[2][1]) is None


def frame_run() -> list:
    keys = {"cam_image": {"dtype": "array", "shape": [64, 64], "source": "x"}}
    documents = [
        ("start", {"uid": "r", "time": 1.0}),
        ("descriptor", {"uid": "d", "run_start": "r", "time": 1.0, "name": "primary"}),
    ]
    documents[1][1]["data_keys"] = keys
    for n in (1, 2, 3):
        event = {"uid": f"e{n}", "descriptor": "d", "time": 1.0, "seq_num": n, "timestamps": {}}
        documents.append(("event", event | {"data": {"cam_image": [[1] * 4] * 4}}))
    stop = {"uid": "s", "run_start": "r", "time": 2.0, "exit_status": "success"}
    return [*documents, ("stop", stop | {"num_events": {"primary": 3}})]
