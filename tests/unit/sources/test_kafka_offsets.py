"""What may be committed: never more than is answered."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from alphadiffract_stream.sources._kafka_offsets import Offsets

ONE, TWO = ("t", 1), ("t", 2)


def test_an_open_run_holds_its_partition_at_its_beginning():
    offsets = Offsets()
    offsets.received(ONE, 4, None)
    offsets.received(ONE, 5, "a")
    offsets.received(ONE, 6, None)
    offsets.received(TWO, 9, None)
    assert offsets.to_commit() == {ONE: 5, TWO: 10}
    offsets.received(ONE, 7, "a")
    offsets.received(ONE, 8, "b")
    offsets.done("a")
    assert offsets.to_commit()[ONE] == 8
    offsets.done("b")
    assert offsets.to_commit()[ONE] == 9


def test_what_has_not_moved_is_not_committed_again():
    offsets = Offsets()
    offsets.received(ONE, 0, None)
    offsets.committed(offsets.to_commit())
    assert offsets.to_commit() == {}
    offsets.received(ONE, 1, None)
    assert offsets.to_commit() == {ONE: 2}


def test_a_revoked_partition_takes_its_runs_along():
    offsets = Offsets()
    offsets.received(ONE, 0, "a")
    offsets.received(TWO, 0, "b")
    assert offsets.revoke([ONE]) == ["a"]
    assert offsets.runs == ["b"]
    assert offsets.to_commit() == {TWO: 0}
    offsets.done("a")
    assert offsets.revoke([ONE]) == []


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.booleans())))
def test_no_run_is_passed_before_it_is_done_with(steps):
    offsets, first = Offsets(), {}
    for offset, (run, done) in enumerate(steps):
        offsets.received(ONE, offset, run)
        first.setdefault(run, offset)
        if done:
            offsets.done(run)
            del first[run]
        assert offsets.to_commit()[ONE] == min(first.values(), default=offset + 1)
