from hypothesis import given
from hypothesis import strategies as st

from alphadiffract_stream.sources._assembler import Recent, SequenceSet


@given(st.lists(st.integers(0, 60)))
def test_it_is_a_set(numbers):
    seen, model = SequenceSet(), set()

    for number in numbers:
        assert seen.add(number) == (number not in model)
        model.add(number)

    assert len(seen) == len(model)
    assert all((n in seen) == (n in model) for n in range(-2, 70))


def test_a_long_scan_takes_one_interval():
    seen = SequenceSet()
    for number in range(10_000):
        seen.add(number)

    assert len(seen._starts) == 1


def test_only_the_latest_are_remembered():
    recent = Recent(2)
    for item in "abac":
        recent.add(item)

    assert [item in recent for item in "abc"] == [True, False, True]
