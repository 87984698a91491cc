"""Learning the noise from a stable series, and checking the rate of false alarms on others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..errors import ConfigurationError
from ._detector import _FLOORS, _SHORTEST, CHANNELS, ChangeDetector
from ._features import Features
from ._noise import LEAST, Noise
from ._trend import Trend


def learn_noise(
    stable: Sequence[Features | None],
    at: Sequence[float] | None = None,
    *,
    window: int = 8,
) -> dict[str, Noise]:
    """Channel → noise of a series in which nothing changed but what drifts steadily.

    stable: 12 patterns at least, taken as those to be judged will be (exposure, step of the
    motor). at: their coordinates. Give the detector the same `window`.
    Raises ConfigurationError for too few.
    """
    noise = {channel: Noise(_FLOORS[channel]) for channel in CHANNELS}
    trends = {channel: Trend(window) for channel in CHANNELS}
    for number, features in enumerate(stable):
        place = float(number if at is None else at[number])
        for channel, value in (features or {}).items():
            trend = trends[channel]
            if len(trend) >= _SHORTEST:
                noise[channel].add(trend.residual(place, value))
            trend.add(place, value)
    if not any(len(n) >= LEAST for n in noise.values()):
        raise ConfigurationError(
            f"stable: {len(stable)} patterns; give {LEAST + _SHORTEST} answered ones at least"
        )
    return noise


@dataclass(frozen=True, slots=True)
class FalseAlarms:
    """Alarms over stable series."""

    alarms: int
    patterns: int
    """Judged: those a detector learned from do not count."""

    @property
    def rate(self) -> float:
        """Alarms a pattern."""
        return self.alarms / self.patterns if self.patterns else 0.0


def false_alarms(detector: ChangeDetector, stable: Iterable[Features | None]) -> FalseAlarms:
    """How often `detector` calls a change where there is none."""
    alarms = patterns = 0
    for features in stable:
        evidence = detector.update(features)
        patterns += not evidence.learning
        alarms += evidence.change is not None
    return FalseAlarms(alarms, patterns)
