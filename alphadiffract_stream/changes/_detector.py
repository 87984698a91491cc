"""The sequential test: evidence is added up pattern by pattern until it suffices."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..errors import ConfigurationError
from ._evidence import e_value, p_value
from ._features import Features
from ._noise import LEAST, Noise
from ._trend import Trend

CHANNELS = ("embedding", "crystal_system", "lattice")
_FLOORS = {"embedding": 0.0, "crystal_system": 1e-2, "lattice": 1e-2}
"""Mean squares below which nobody would call it a change: 0.1 in √p, 10 % of an edge. A network
with a memory takes its answers from remembered crystals, and hops between like ones while a cell
expands: the lattice, and by a tenth also the probabilities. Embeddings do not hop."""
_SHORTEST = 4
_CLEAR = 3.0
"""Evidence from which a pattern may be the first one changed."""
_SUSPICIOUS = 100.0
"""Evidence above which a pattern teaches the noise nothing."""


@dataclass(frozen=True, slots=True)
class Change:
    """A change that was found."""

    at: float
    """Coordinate of the pattern that gave the last of the evidence."""
    since: float
    """Coordinate of the first pattern that spoke for it: likely the first one changed."""
    before: float
    """Coordinate of the last pattern before that; the transition lies between the two."""
    evidence: float
    """At least 1 / false-alarm rate."""
    channels: Mapping[str, float] = field(default_factory=dict)
    """Channel → z-score of the pattern at `at`."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one pattern said."""

    at: float
    statistic: float = 0.0
    """Shiryaev–Roberts statistic; a change is called at 1 / false-alarm rate."""
    learning: bool = False
    """Too few patterns to judge by yet."""
    channels: Mapping[str, float] = field(default_factory=dict)
    """Channel → z-score."""
    change: Change | None = None


class ChangeDetector:
    """Tells when patterns stop following their own trend.

    Each channel (crystal-system probabilities and embedding, without which the lattice) is
    extrapolated by a line through the last `window` patterns; the residual is compared with earlier
    ones; the channels' evidence is averaged, which is valid however they depend on each other; and
    the Shiryaev–Roberts sum R ← (1 + R)·e calls a change at R ≥ 1 / `false_alarm_rate`. While each
    e has mean 1 at most the mean number of patterns to a false alarm is then 1 / `false_alarm_rate`
    at least (Shin, Ramdas & Rinaldo 2023, "E-detectors"). Steady drift, such as thermal expansion,
    is no change.

    false_alarm_rate: per pattern, of an unchanged sample.
    noise: of a calibration (`learn_noise`); without it the first patterns teach it, and must be of
    an unchanged sample.
    window: patterns a trend is drawn through, at least 4.
    Raises ConfigurationError for settings out of range.
    """

    def __init__(
        self,
        false_alarm_rate: float = 1e-3,
        *,
        noise: Mapping[str, Noise] | None = None,
        window: int = 8,
    ) -> None:
        if not 0 < false_alarm_rate < 0.5:
            raise ConfigurationError(
                f"false_alarm_rate={false_alarm_rate!r}: give false alarms a pattern, 0 to 0.5"
            )
        if window < _SHORTEST:
            raise ConfigurationError(f"window={window}: give {_SHORTEST} patterns at least")
        self.threshold = 1 / false_alarm_rate
        self._noise = {c: (noise or {}).get(c) or Noise(_FLOORS[c]) for c in CHANNELS}
        self._trends = {channel: Trend(window) for channel in CHANNELS}
        self._patterns = 0
        self._forget()

    @property
    def learning(self) -> bool:
        """Whether the next pattern cannot be judged yet."""
        return not any(self._ready(channel) for channel in CHANNELS)

    def update(self, features: Features | None, at: float | None = None) -> Evidence:
        """Take one pattern's features, at scan coordinate `at` (its number where not given).

        None (nothing was predicted) changes nothing. After a change the trend begins anew with the
        pattern that gave it; what is known of the noise stays.
        """
        self._patterns += 1
        place = float(self._patterns if at is None else at)
        if features is None:
            return Evidence(place, self._statistic, self.learning)
        residuals = {
            channel: self._trends[channel].residual(place, value)
            for channel, value in features.items()
            if channel in CHANNELS and len(self._trends[channel]) >= _SHORTEST
        }
        scores = {
            channel: self._noise[channel].z_score(residual)
            for channel, residual in residuals.items()
            if len(self._noise[channel]) >= LEAST
        }
        evidence = _mean([e_value(p_value(z)) for z in scores.values()])
        if not scores or evidence < _SUSPICIOUS:
            for channel, residual in residuals.items():
                self._noise[channel].add(residual)
        change = self._accumulate(evidence, scores, place) if scores else None
        statistic = change.evidence if change else self._statistic
        if change:
            self._forget()
        for channel, value in features.items():
            if channel in CHANNELS:
                self._trends[channel].add(place, value)
        self._last = place
        return Evidence(place, statistic, not scores, scores, change)

    def _accumulate(
        self, evidence: float, scores: Mapping[str, float], place: float
    ) -> Change | None:
        self._statistic = (1 + self._statistic) * evidence
        # Page's sum beside it, of what speaks clearly: it last left zero where the change began.
        if self._page <= 0:
            self._since, self._before = place, self._last
        self._page = max(0.0, self._page) + math.log(evidence / _CLEAR)
        if self._statistic < self.threshold:
            return None
        return Change(place, self._since, self._before, self._statistic, dict(scores))

    def _ready(self, channel: str) -> bool:
        return len(self._trends[channel]) >= _SHORTEST and len(self._noise[channel]) >= LEAST

    def _forget(self) -> None:
        for trend in self._trends.values():
            trend.clear()
        self._statistic = self._page = 0.0
        self._since = self._before = self._last = math.nan


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 1.0
