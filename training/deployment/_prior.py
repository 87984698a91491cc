"""What classes were expected in training, and what is to be expected of measured samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray

from ..patterns import SYSTEM_LIMITS
from ..reflections import ReflectionStore

Target = Literal["training", "structures", "measured", "uniform"]
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


@dataclass(frozen=True, slots=True, eq=False)
class GroupCounts:
    """How many of the crystals trained on have each space group; (230,) each."""

    measured: NDArray[np.int64]
    theoretical: NDArray[np.int64]

    @classmethod
    def of(cls, store: ReflectionStore, crystals: NDArray[np.int64]) -> Self:
        """Of `crystals`, indices into `store`."""
        group, theoretical = store.space_group_number[crystals], store.theoretical[crystals]
        parts = (
            np.bincount(group[mask], minlength=231)[1:] for mask in (~theoretical, theoretical)
        )
        return cls(*parts)


def prior_shift(
    counts: GroupCounts, power: float, target: Target, theoretical_weight: float = 1.0
) -> PriorShift:
    """Of a network trained on groups drawn ∝ count ** `power`, `theoretical_weight` counted of a
    crystal that has only been computed.

    `target`: ``structures`` expects groups as often as the training structures have them,
    ``measured`` as those of them that were measured, ``uniform`` all alike, ``training`` as
    trained, which changes nothing. Raises ValueError for another name.
    """
    drawn = np.maximum(counts.measured + theoretical_weight * counts.theoretical, HALF)
    priors = {
        "training": drawn**power,
        "structures": np.maximum(counts.measured + counts.theoretical, HALF),
        "measured": np.maximum(counts.measured, HALF),
        "uniform": np.ones(230),
    }
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
