from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from alphadiffract_stream.service._account import RunAccount
from alphadiffract_stream.service._seq_nums import SeqNums


@given(st.lists(st.integers(-3, 40)), st.none() | st.integers(0, 50))
def test_behaves_as_a_set(numbers, num_events):
    seen = SeqNums()
    kept: set[int] = set()
    for number in numbers:
        assert seen.add(number) == (number not in kept)
        kept.add(number)
    assert seen.count == len(kept)
    assert all((n in seen) == (n in kept) for n in range(-5, 45))
    start = min(kept | {1})
    stop = max([start + (num_events or 0), *(n + 1 for n in kept)])
    missing = [n for gap in seen.gaps(num_events) for n in gap]
    assert missing == [n for n in range(start, stop) if n not in kept]


def test_a_long_run_in_order_is_one_range():
    seen = SeqNums()
    for number in range(1, 1001):
        seen.add(number)
    assert len(seen._first) == 1


def test_a_source_that_counts_from_zero_misses_nothing():
    account = RunAccount()
    for number in range(5):
        account.receive("d", number)
    account.num_events = 5
    assert account.missing == 0


def test_an_absurd_number_costs_no_memory():
    account = RunAccount()
    account.receive("d", 10**15)
    assert account.missing == 10**15 - 1
    assert account.missing_seq_nums(3) == (1, 2, 3)


def test_the_same_number_under_another_descriptor_is_another_event():
    account = RunAccount()
    assert account.receive("a", 1)
    assert account.receive("b", 1)
    assert not account.receive("a", 1)
    assert (account.received, account.duplicates) == (2, 1)


def test_events_without_a_number_all_count():
    account = RunAccount()
    assert all(account.receive(None, None) for _ in range(3))
    assert (account.received, account.missing) == (3, 0)
