"""Several networks as one ensemble, and how accuracy grows with their number (Figure 3a)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray

from alphadiffract_stream.prediction import Outputs

from ..patterns import SYSTEM_LIMITS
from ._intervals import Z_95

AVERAGED = ("crystal_system", "space_group", "lattice")
MOST_SUBSETS = 40


def combined(outputs: list[Outputs], members: list[int] | None = None) -> Outputs:
    """One ensemble of networks that saw the same N patterns.

    `members`: how many each already holds; they weigh so, and their own spreads are kept (law of
    total variance). The embedding is the first network's, as those of others need not be alike.
    """
    weight = np.array(members or [1] * len(outputs), dtype=np.float64)
    weight /= weight.sum()
    parts: dict[str, NDArray[np.float32]] = {"embedding": outputs[0].embedding}
    for name in AVERAGED:
        means = np.stack([getattr(o, name) for o in outputs]).astype(np.float64)
        stds = np.stack([getattr(o, f"{name}_std") for o in outputs]).astype(np.float64)
        mean = np.tensordot(weight, means, axes=1)
        variance = np.tensordot(weight, stds**2 + (means - mean) ** 2, axes=1)
        parts[name] = mean.astype(np.float32)
        parts[f"{name}_std"] = np.sqrt(variance).astype(np.float32)
    return Outputs(**{f.name: parts[f.name] for f in fields(Outputs)})


@dataclass(frozen=True, slots=True)
class SizePoint:
    """Mean accuracy of ensembles of one size; shares 0…1."""

    size: int
    system: float
    group: float
    system_interval: float
    """Equation (7)'s half-width, mean over the ensembles."""
    group_interval: float
    subsets: int


def size_curve(outputs: list[Outputs], space_group: NDArray[np.int64]) -> list[SizePoint]:
    """Ensembles of 1 … M of the networks: every choice of them, or forty where there are more."""
    return [_point(outputs, space_group, size) for size in range(1, len(outputs) + 1)]


def _point(outputs: list[Outputs], space_group: NDArray[np.int64], size: int) -> SizePoint:
    subsets = _subsets(len(outputs), size)
    system = np.searchsorted(SYSTEM_LIMITS, space_group)
    rows = np.arange(len(system))
    values = []
    for chosen in subsets:
        one = combined([outputs[i] for i in chosen])
        spread = [
            Z_95 * np.sqrt(np.square(std[rows, true], dtype=np.float64).sum()) / len(rows)
            for std, true in (
                (one.crystal_system_std, system),
                (one.space_group_std, space_group - 1),
            )
        ]
        values.append(
            (
                (one.crystal_system.argmax(axis=1) == system).mean(),
                (one.space_group.argmax(axis=1) == space_group - 1).mean(),
                *spread,
            )
        )
    mean = [float(v) for v in np.mean(values, axis=0)]
    return SizePoint(size, *mean, subsets=len(subsets))


def _subsets(members: int, size: int) -> list[tuple[int, ...]]:
    if comb(members, size) <= MOST_SUBSETS:
        return list(combinations(range(members), size))
    generator = np.random.default_rng(20_26)
    return [
        tuple(generator.choice(members, size, replace=False).tolist()) for _ in range(MOST_SUBSETS)
    ]
