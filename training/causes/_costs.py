"""What each condition costs, beside the one it is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..patterns import SYSTEM_LIMITS
from ._answers import Answers, Change, changes
from ._conditions import Condition


@dataclass(frozen=True, slots=True, eq=False)
class Cost:
    """One condition for one population."""

    condition: Condition
    population: str
    shares: dict[str, float]
    """Right by measure, 0…1."""
    changes: dict[str, Change]
    """Against the condition it is beside; empty where there is none."""
    confusion: NDArray[np.int64]
    """(7, 7) [true][predicted] crystal system, triclinic … cubic."""

    @property
    def too_low(self) -> float:
        """Share called a crystal system before the true one, in the order triclinic … cubic."""
        return float(np.tril(self.confusion, -1).sum() / self.confusion.sum())

    @property
    def too_high(self) -> float:
        """Share called one after it."""
        return float(np.triu(self.confusion, 1).sum() / self.confusion.sum())

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "beside": self.condition.beside,
            "shares": self.shares,
            "changes": {name: change.as_dict() for name, change in self.changes.items()},
            "too_low": self.too_low,
            "too_high": self.too_high,
            "confusion": self.confusion.tolist(),
        }


def cost(
    condition: Condition,
    population: str,
    answers: Answers,
    reference: Answers | None,
    space_group: NDArray[np.int64],
    distances: NDArray[np.floating] | None,
) -> Cost:
    """Of answers to scans of groups (N,) 1…230, paired with `reference` scan by scan."""
    right = answers.right(space_group, distances)
    beside = {} if reference is None else reference.right(space_group, distances)
    true = np.searchsorted(SYSTEM_LIMITS, space_group)
    return Cost(
        condition,
        population,
        {name: float(values.mean()) for name, values in right.items()},
        changes(beside, right),
        np.bincount(7 * true + answers.system, minlength=49).reshape(7, 7),
    )
