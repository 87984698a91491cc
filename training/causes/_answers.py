"""What a network answered to the patterns of one condition, small enough to keep."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..evaluation import Paired, mcnemar, paired_share
from ..patterns import SYSTEM_LIMITS

MEASURES = ("crystal system", "space group", "top-5", "within one edge")
KEPT = 5


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """Of N patterns."""

    system: NDArray[np.int8]
    """(N,) most probable crystal system, 0…6."""
    groups: NDArray[np.int16]
    """(N, 5) most probable space groups, 1…230, best first."""

    @classmethod
    def of(cls, system: NDArray[np.floating], group: NDArray[np.floating]) -> Answers:
        """Of probabilities (N, 7) and (N, 230)."""
        order = np.argsort(-group, axis=1, kind="stable")[:, :KEPT]
        return cls(system.argmax(axis=1).astype(np.int8), (order + 1).astype(np.int16))

    def right(
        self, space_group: NDArray[np.int64], distances: NDArray[np.floating] | None
    ) -> dict[str, NDArray[np.bool_]]:
        """(N,) by `MEASURES`, against groups (N,) 1…230; edges only with the (230, 230) hops."""
        true = np.searchsorted(SYSTEM_LIMITS, space_group)
        values = (
            self.system == true,
            self.groups[:, 0] == space_group,
            (self.groups == space_group[:, None]).any(axis=1),
        )
        found: dict[str, NDArray[np.bool_]] = dict(zip(MEASURES, values, strict=False))
        if distances is not None:
            found[MEASURES[3]] = distances[self.groups[:, 0] - 1, space_group - 1] <= 1
        return found

    def save(self, path: Path) -> None:
        """Write an ``.npz``, atomically."""
        part = path.with_suffix(".part.npz")
        np.savez_compressed(part, system=self.system, groups=self.groups)
        part.replace(path)

    @classmethod
    def load(cls, path: Path) -> Answers:
        """Read what `save` wrote."""
        with np.load(path) as arrays:
            return cls(arrays["system"], arrays["groups"])


@dataclass(frozen=True, slots=True)
class Change:
    """One measure under two conditions."""

    share: Paired
    lost: int
    """Patterns right under the first condition alone."""
    gained: int
    p: float
    """Exact two-sided McNemar test of lost against gained."""

    def as_dict(self) -> dict[str, float]:
        """For JSON."""
        return {**self.share.as_dict(), "lost": self.lost, "gained": self.gained, "p": self.p}


def changes(
    first: dict[str, NDArray[np.bool_]], second: dict[str, NDArray[np.bool_]]
) -> dict[str, Change]:
    """Of every measure both have."""
    return {
        name: Change(paired_share(first[name], second[name]), *mcnemar(first[name], second[name]))
        for name in first
        if name in second
    }
