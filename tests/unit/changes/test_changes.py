"""The sequential test: its error rate, its power, and what it must not mistake for a change."""

from __future__ import annotations

import math

import numpy as np
import pytest

from alphadiffract_stream.changes import (
    ChangeDetector,
    Features,
    false_alarms,
    features_of_data,
    features_of_prediction,
    learn_noise,
)
from alphadiffract_stream.changes._evidence import e_value, p_value
from alphadiffract_stream.changes._noise import Noise
from alphadiffract_stream.changes._trend import Trend
from alphadiffract_stream.documents._event import answer_data
from alphadiffract_stream.errors import ConfigurationError
from tests.predictions import predicted, refused


def series(
    n: int, seed: int, *, jump: float = 0.0, after: int = 10**9, drift: float = 0.0
) -> list[Features]:
    """Correlated noise of 6 independent directions in 40, and a jump in one of the others."""
    random = np.random.default_rng(seed)
    mixing = np.random.default_rng(0).standard_normal((6, 40))
    direction = np.random.default_rng(1).standard_normal(40)
    noise = random.standard_normal((n, 6)) @ mixing
    steps = np.arange(n)[:, None]
    values = noise + drift * steps * direction + jump * (steps >= after) * direction
    return [{"embedding": row} for row in values]


def test_false_alarms_are_no_more_than_stated() -> None:
    rate = 0.01
    alarms = patterns = 0
    for seed in range(30):
        found = false_alarms(ChangeDetector(rate), series(200, seed))
        alarms, patterns = alarms + found.alarms, patterns + found.patterns
    assert patterns > 5000
    # Three standard deviations above what the stated rate allows.
    assert alarms <= rate * patterns + 3 * math.sqrt(rate * patterns)


def test_a_change_is_found_at_its_first_pattern_and_once() -> None:
    for seed in range(10):
        detector = ChangeDetector(1e-3)
        evidence = [detector.update(f) for f in series(60, seed, jump=60.0, after=40)]
        changes = [e.change for e in evidence if e.change]
        assert [(c.before, c.since) for c in changes] == [(40.0, 41.0)]
        assert changes[0].evidence >= 1000
        assert changes[0].channels.keys() == {"embedding"}


def sure_of(system: int, share: float, n: int, seed: int) -> list[Features]:
    """`share` for one crystal system, the rest even, with a little noise."""
    random = np.random.default_rng(seed)
    shares = np.full((n, 7), (1 - share) / 6)
    shares[:, system] = share
    shares += random.normal(scale=2e-3, size=shares.shape)
    return [{"crystal_system": np.sqrt(row.clip(0))} for row in shares]


def test_probabilities_that_hop_by_a_tenth_are_no_change_but_another_system_is() -> None:
    for seed in range(5):
        steady = sure_of(4, 0.95, 30, seed)
        hops = sure_of(4, 0.85, 10, seed + 10) + sure_of(4, 0.95, 10, seed + 20)
        detector = ChangeDetector(1e-3)
        assert not any(detector.update(f).change for f in steady + hops)
        evidence = [detector.update(f) for f in sure_of(6, 0.95, 10, seed + 30)]
        changes = [e.change for e in evidence if e.change]
        assert [change.since for change in changes] == [51.0]


def test_steady_drift_is_no_change_but_what_leaves_it_is() -> None:
    detector = ChangeDetector(1e-3)
    drifting = series(60, 5, jump=60.0, after=40, drift=1.0)
    found = [e.change.since for e in map(detector.update, drifting) if e.change]
    assert found == [41.0]


def test_a_calibrated_detector_judges_from_the_fifth_pattern() -> None:
    noise = learn_noise(series(40, 1))
    detector = ChangeDetector(1e-3, noise=noise)
    evidence = [detector.update(f) for f in series(12, 2, jump=60.0, after=7)]
    assert [e.learning for e in evidence[:6]] == [True] * 4 + [False] * 2
    assert [e.change.since for e in evidence if e.change] == [8.0]
    assert [ChangeDetector().update(f).learning for f in series(12, 2)] == [True] * 12


def test_patterns_without_an_answer_change_nothing() -> None:
    detector = ChangeDetector(1e-3)
    values = series(60, 7, jump=60.0, after=40)
    found = []
    for number, features in enumerate(values):
        detector.update(None, number)
        if change := detector.update(features, number).change:
            found.append(change.since)
    assert found == [40.0]


def test_channels_may_be_missing() -> None:
    detector = ChangeDetector()
    for number, features in enumerate(series(30, 1)):
        row = features["embedding"]
        some = {"lattice": row[:6] / 100} if number % 2 else {"crystal_system": np.abs(row[:7])}
        assert detector.update(some).change is None


@pytest.mark.parametrize(("rate", "window"), [(0.0, 8), (0.7, 8), (1e-3, 3), (float("nan"), 8)])
def test_settings_out_of_range_are_refused(rate: float, window: int) -> None:
    with pytest.raises(ConfigurationError, match=r"false_alarm_rate=|window="):
        ChangeDetector(rate, window=window)


def test_too_few_patterns_teach_no_noise() -> None:
    with pytest.raises(ConfigurationError, match="11 patterns; give 12"):
        learn_noise(series(11, 0))


def test_evidence_has_mean_one_when_nothing_has_changed() -> None:
    """∫ e(p) dp = 1: the condition behind the stated rate."""
    p = np.exp(np.linspace(math.log(1e-300), 0, 400_001))
    values = np.array([e_value(x) for x in p])
    assert np.trapezoid(values, p) == pytest.approx(1, abs=0.01)
    assert e_value(1.0) == pytest.approx(e_value(1 - 1e-4), abs=1e-4) == 0.5
    assert np.all(np.diff(values) <= 1e-9)
    assert p_value(3.0902) == pytest.approx(1e-3, rel=1e-3)
    assert 0 < p_value(1e9) < 1e-200


def test_a_line_is_extrapolated_without_residual() -> None:
    trend = Trend(6)
    for x in (0.0, 1.0, 3.0, 4.0, 10.0):
        trend.add(x, np.array([2 * x, 5.0]))
    residual = trend.residual(12.0, np.array([24.0, 6.0]))
    assert residual[0] == pytest.approx(0)
    assert 0 < residual[1] < 1
    for _ in range(6):
        trend.add(7.0, np.array([3.0, 3.0]))  # the motor stands still
    assert trend.residual(7.0, np.array([3.0, 4.0])) == pytest.approx([0, 1 / math.sqrt(1 + 1 / 6)])


def test_the_score_is_that_of_students_t() -> None:
    """Against exact tails: P(t₉ > 4.297) = 0.001, z = 3.0902."""
    noise = Noise()
    logs = np.linspace(-1, 1, 10)
    for log in logs:
        noise.add(np.array([math.exp(log / 2)]))
    spread = 1.25 * logs.std(ddof=1) * math.sqrt(1.1)
    value = np.array([math.exp(4.297 * spread / 2)])
    assert noise.z_score(value) == pytest.approx(3.0902, abs=0.01)


def test_features_of_documents_are_those_of_predictions() -> None:
    within = features_of_prediction(predicted(embedding=(1.0, 2.0)))
    assert within is not None
    assert within.keys() == {"crystal_system", "embedding"}, "the lattice only where there is none"
    assert within["embedding"].tolist() == [1.0, 2.0]
    prediction = predicted(embedding=())
    features = features_of_prediction(prediction)
    assert features is not None
    data = {f"x_{k}": v for k, v in answer_data(prediction, 1, None, "").items()}
    from_data = features_of_data(data, "x_")
    assert from_data is not None
    assert from_data.keys() == {"crystal_system", "lattice"}
    for channel, value in from_data.items():
        np.testing.assert_array_equal(value, features[channel])
    assert np.linalg.norm(features["crystal_system"]) == pytest.approx(1)
    assert features_of_prediction(refused()) is None
    assert features_of_data(answer_data(refused(), 1, None, "")) is None
    broken = features_of_prediction(predicted(lattice=(float("nan"),) * 6))
    assert broken is not None
    assert "lattice" not in broken
