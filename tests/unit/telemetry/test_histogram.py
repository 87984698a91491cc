from __future__ import annotations

from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphadiffract_stream.telemetry import STAGES, Histogram, Stages


def filled(durations) -> Histogram:
    histogram = Histogram()
    for duration in durations:
        histogram.observe(duration)
    return histogram


@given(st.lists(st.floats(0, 100), min_size=1))
def test_every_duration_is_in_one_bucket_and_in_all_above(durations):
    histogram = filled(durations)
    assert histogram.count == len(durations)
    assert histogram.total == pytest.approx(sum(durations))
    for bound, count in histogram.cumulative():
        assert count == sum(duration <= bound for duration in durations)
    assert histogram.cumulative()[-1] == (inf, len(durations))


def test_quantiles_lie_in_the_bucket_of_the_true_one():
    rng = np.random.default_rng(0)
    durations = rng.lognormal(-5, 1, 20_000)
    histogram = filled(durations)
    bounds = [0, *(bound for bound, _ in histogram.cumulative())]
    for q in (0.1, 0.5, 0.9, 0.99):
        true = np.quantile(durations, q)
        i = np.searchsorted(bounds, true)
        found = histogram.quantile(q)
        assert found is not None
        assert bounds[i - 1] <= found <= bounds[i]


def test_quantiles_of_none_and_of_what_takes_for_ever():
    assert Histogram().quantile(0.5) is None
    assert filled([1e9]).quantile(0.5) == 10.0


def test_stages_are_those_that_are_named():
    stages = Stages()
    assert [name for name, _ in stages] == list(STAGES)
    stages.infer.observe(0.01)
    assert dict(stages)["infer"].count == 1
    assert dict(stages)["queue"].count == 0
