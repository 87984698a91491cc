"""What classes were expected in training, and what is to be expected of measured samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ..patterns import SYSTEM_LIMITS

Target = Literal["training", "structures", "uniform"]
TARGETS: tuple[str, ...] = get_args(Target)
HALF = 0.5
"""Counted of a group that does not occur: it stays possible."""


@dataclass(frozen=True, slots=True, eq=False)
class PriorShift:
    """Logit adjustment from the prior trained under to a declared one.

    Menon et al. (2021) ICLR, "Long-tail learning via logit adjustment".
    """

    target: str
    group: NDArray[np.float32]
    """(230,) ln target − ln trained prior."""
    system: NDArray[np.float32]
    """(7,) the same of crystal systems."""


def prior_shift(group_counts: NDArray[np.floating], power: float, target: Target) -> PriorShift:
    """Of a network trained on groups drawn ∝ `group_counts` (230,) ** `power`.

    `target`: ``structures`` expects groups as often as the training structures have them,
    ``uniform`` all alike, ``training`` as trained, which changes nothing. Raises ValueError for
    another name.
    """
    counts = np.maximum(np.asarray(group_counts, np.float64), HALF)
    priors = {"training": counts**power, "structures": counts, "uniform": np.ones(230)}
    if target not in priors:
        raise ValueError(f"prior: {target!r} is not one of {', '.join(TARGETS)}")
    trained = priors["training"]
    return PriorShift(
        target,
        _log_ratio(priors[target], trained),
        _log_ratio(_by_system(priors[target]), _by_system(trained)),
    )


def _log_ratio(target: NDArray[np.float64], trained: NDArray[np.float64]) -> NDArray[np.float32]:
    return (np.log(target / target.sum()) - np.log(trained / trained.sum())).astype(np.float32)


def _by_system(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    system = np.searchsorted(SYSTEM_LIMITS, np.arange(1, 231))
    return np.bincount(system, weights=weights, minlength=7).astype(np.float64)
