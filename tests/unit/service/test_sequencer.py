from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from alphadiffract_stream.pattern import Origin
from alphadiffract_stream.prediction import Prediction, Status
from alphadiffract_stream.service._sequencer import Sequencer, Ticket

WAIT, LIMIT = 2.0, 4


def register(sequencer: Sequencer, seq_num: int | None, now: float = 0.0) -> Ticket:
    return sequencer.register(Origin(seq_num=seq_num), now)


def answer(*tickets: Ticket) -> None:
    for ticket in tickets:
        ticket.answer = Prediction(ticket.origin, Status.OK)


def released(sequencer: Sequencer, now: float = 0.0) -> list[int]:
    return [ticket.seq_num for ticket in sequencer.release(now)]


def test_answers_that_finish_out_of_order_leave_in_order():
    sequencer = Sequencer(WAIT, LIMIT)
    one, two, three = (register(sequencer, n) for n in (1, 2, 3))
    answer(three, two)
    assert released(sequencer) == []
    answer(one)
    assert released(sequencer) == [1, 2, 3]


def test_arrivals_out_of_order_wait_for_the_gap():
    sequencer = Sequencer(WAIT, LIMIT)
    answer(register(sequencer, 2))
    assert released(sequencer, 1.9) == []
    assert sequencer.deadline == WAIT
    answer(register(sequencer, 1, 1.9))
    assert released(sequencer, 1.9) == [1, 2]
    assert sequencer.deadline is None


def test_a_gap_is_given_up_in_time_and_a_straggler_still_answered():
    sequencer = Sequencer(WAIT, LIMIT)
    answer(register(sequencer, 2))
    assert released(sequencer, WAIT) == [2]
    straggler = register(sequencer, 1, 3.0)
    assert straggler.late
    answer(straggler)
    assert released(sequencer, 3.0) == [1]


def test_a_gap_is_given_up_when_too_many_wait():
    sequencer = Sequencer(WAIT, LIMIT)
    answer(*(register(sequencer, n) for n in range(2, 2 + LIMIT)))
    assert released(sequencer) == []
    answer(register(sequencer, 2 + LIMIT))
    assert released(sequencer) == [2, 3, 4, 5, 6]


def test_the_gap_counts_from_the_first_event_beyond_it():
    sequencer = Sequencer(WAIT, LIMIT)
    answer(register(sequencer, 3, 0.0), register(sequencer, 2, 1.5))
    assert sequencer.deadline == WAIT
    assert released(sequencer, WAIT) == [2, 3]


def test_flushed_gaps_hold_nothing_back():
    sequencer = Sequencer(WAIT, LIMIT)
    answer(register(sequencer, 7), register(sequencer, 5))
    sequencer.flush()
    assert released(sequencer) == [5, 7]


def test_counting_from_zero_is_no_gap_and_not_late():
    sequencer = Sequencer(WAIT, LIMIT)
    zero, one = register(sequencer, 0), register(sequencer, 1)
    answer(zero, one)
    assert not zero.late
    assert released(sequencer) == [0, 1]


def test_without_numbers_the_order_is_that_of_arrival():
    sequencer = Sequencer(WAIT, LIMIT)
    tickets = [register(sequencer, None) for _ in range(3)]
    answer(*reversed(tickets))
    assert sequencer.release(0.0) == tickets


@given(st.permutations(range(1, 9)), st.permutations(range(8)))
def test_any_arrival_and_any_finish_come_out_in_order_within_the_window(arrival, finish):
    sequencer = Sequencer(WAIT, limit=8)
    tickets = [register(sequencer, n) for n in arrival]
    out = []
    for index in finish:
        answer(tickets[index])
        out += released(sequencer, now=1.0)
    assert out == list(range(1, 9))
    assert len(sequencer) == 0


@given(st.lists(st.tuples(st.integers(1, 30), st.floats(0, 1)), unique_by=lambda x: x[0]))
def test_nothing_is_lost_whatever_is_missing(events):
    sequencer = Sequencer(wait=0.5, limit=3)
    now, out = 0.0, []
    for number, pause in events:
        now += pause
        answer(register(sequencer, number, now))
        out += released(sequencer, now)
    out += released(sequencer, now + 0.5)
    assert sorted(out) == sorted(number for number, _ in events)


def test_what_is_passed_over_is_no_gap():
    sequencer = Sequencer(WAIT, LIMIT)
    one = register(sequencer, 1)
    for number in (2, 3, 5):
        sequencer.pass_over(number)
    four, six = register(sequencer, 4), register(sequencer, 6)
    answer(four, six)
    assert released(sequencer) == []
    answer(one)
    assert released(sequencer) == [1, 4, 6]
    assert not register(sequencer, 7).late


def test_what_is_passed_over_behind_a_gap_waits_for_it_with_the_others():
    sequencer = Sequencer(WAIT, LIMIT)
    sequencer.pass_over(2)
    three = register(sequencer, 3)
    answer(three)
    assert released(sequencer) == []
    assert released(sequencer, WAIT) == [3]
    sequencer.pass_over(4)
    five = register(sequencer, 5, WAIT)
    answer(five)
    assert released(sequencer, WAIT) == [5]
