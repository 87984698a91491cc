from __future__ import annotations

import gc
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphadiffract_stream.bench import Spread, interleaved
from alphadiffract_stream.bench._timing import quiet


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=300))
def test_percentiles_are_times_that_were_seen_in_order(times):
    spread = Spread.of(times)
    assert spread.count == len(times)
    assert {spread.p50, spread.p95, spread.p99, spread.longest} <= set(times)
    assert spread.p50 <= spread.p95 <= spread.p99 <= spread.longest == max(times)
    assert np.mean([t <= spread.p99 for t in times]) >= 0.99


def test_no_times_are_no_spread():
    with pytest.raises(ValueError, match="no times"):
        Spread.of([])


def test_works_take_turns_until_each_had_its_time():
    called: list[str] = []
    works = {name: lambda name=name: called.append(name) or sum(range(20_000)) for name in "ab"}
    spreads = interleaved(works, 0.12)
    assert spreads["a"].count + spreads["b"].count + 6 == len(called)
    assert called[:6] == ["a"] * 3 + ["b"] * 3, "warm-up, which is not counted"
    turns = [a for a, b in pairwise(called[6:]) if a != b]
    assert len(turns) >= 2, "not one after the other"


def test_the_collector_rests_while_it_is_measured_and_only_then():
    assert gc.isenabled()
    with quiet():
        assert not gc.isenabled()
        with quiet():
            assert not gc.isenabled()
        assert not gc.isenabled(), "it is the outermost that lets it work again"
    assert gc.isenabled()
