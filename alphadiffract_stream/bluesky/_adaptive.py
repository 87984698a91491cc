"""An optimizer for bluesky-adaptive (1.x) that closes in on a transition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..changes import Features, features_of_data
from ..errors import ConfigurationError
from ._answers import Answers
from ._between import share
from ._device import PredictionLost

_ID = "_id"
CHANGED = "changed"


class TransitionOptimizer:
    """Halves the interval in which the sample changes: bluesky-adaptive's ``Optimizer`` protocol.

    First both ends are measured, then always the middle. It takes outcomes with ``changed``: 0 as
    at `low`, 1 as at `high`, as `TransitionEvaluation` gives them. `should_stop` once the interval
    is no wider than `resolution`, so ``optimize(problem, iterations=None)`` ends by itself.

    name: of the actuator. Raises ConfigurationError for an empty range.
    """

    def __init__(self, name: str, low: float, high: float, *, resolution: float) -> None:
        if not low < high or not resolution > 0:
            raise ConfigurationError(
                f"low={low}, high={high}, resolution={resolution}: give low < high and resolution "
                "> 0"
            )
        self.name = name
        self.interval = (float(low), float(high))
        self._resolution = resolution
        self._ends = [float(low), float(high)]
        self._suggested: dict[Any, float] = {}
        self._measured: list[tuple[Any, float, float]] = []
        self._next_id = 0

    def suggest(self, num_points: int | None = None) -> Sequence[Mapping[str, Any]]:
        """Positions to measure next: the ends, then evenly inside of the interval."""
        count = num_points or 1
        positions, self._ends = self._ends[:count], self._ends[count:]
        low, high = self.interval
        inside = count - len(positions)
        if inside and not self._ends and len(self._measured) >= 2:
            positions += [low + (high - low) * (i + 1) / (inside + 1) for i in range(inside)]
        suggestions = []
        for position in positions:
            self._suggested[self._next_id] = position
            suggestions.append({_ID: self._next_id, self.name: position})
            self._next_id += 1
        return suggestions

    def ingest(self, points: Sequence[Mapping[str, Any]]) -> None:
        """Take outcomes: ``changed`` and the suggestion's ``_id``, or the position itself."""
        for point in points:
            key = point.get(_ID)
            if self.name in point:
                position = float(point[self.name])
            elif key in self._suggested:
                position = self._suggested[key]
            else:
                raise ConfigurationError(
                    f"outcome {dict(point)!r}: no {self.name} and no known _id"
                )
            self._measured.append((key, position, float(point[CHANGED])))
            low, high = self.interval
            if low < position < high:
                changed = float(point[CHANGED]) >= 0.5
                self.interval = (low, position) if changed else (position, high)

    def get_best_points(self) -> Sequence[tuple[Any, Mapping[str, Any], Mapping[str, Any]]]:
        """The measured point nearest to the middle of the interval."""
        if not self._measured:
            return []
        middle = sum(self.interval) / 2
        key, position, changed = min(self._measured, key=lambda m: abs(m[1] - middle))
        return [(key, {self.name: position}, {CHANGED: changed})]

    def should_stop(self) -> tuple[bool, str | None]:
        """Whether the transition is known well enough."""
        low, high = self.interval
        if high - low > self._resolution:
            return False, None
        return True, f"transition between {low:.6g} and {high:.6g}"


class TransitionEvaluation:
    """bluesky-adaptive's ``EvaluationFunction`` for `TransitionOptimizer`.

    Looks up the predictions of an acquisition run and says of each point how far it is changed.

    answers: of the callback or of a service; the run's events must be in the order of the
    suggestions. timeout: s for each prediction.
    """

    def __init__(self, answers: Answers, *, timeout: float = 10.0) -> None:
        self._answers = answers
        self._timeout = timeout
        self._ends: list[Features] = []

    def __call__(
        self, uid: str, suggestions: Sequence[Mapping[str, Any]]
    ) -> Sequence[Mapping[str, Any]]:
        """One outcome a suggestion. Raises PredictionLost where a prediction does not come."""
        outcomes = []
        for seq_num, suggestion in enumerate(suggestions, start=1):
            features = self._features(uid, seq_num)
            if len(self._ends) < 2:
                self._ends.append(features)
                changed = float(len(self._ends) - 1)
            else:
                changed = share(features, *self._ends)
            outcomes.append({_ID: suggestion[_ID], CHANGED: changed})
        return outcomes

    def _features(self, uid: str, seq_num: int) -> Features:
        try:
            data = self._answers.of(uid, seq_num).result(self._timeout)
        except TimeoutError:
            raise PredictionLost(
                f"run {uid} seq_num {seq_num}: no prediction within {self._timeout:g} s"
            ) from None
        features = features_of_data(data)
        if features is None:
            raise PredictionLost(f"run {uid} seq_num {seq_num}: {data['reason']}")
        return features
