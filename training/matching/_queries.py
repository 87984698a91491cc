"""Patterns with the candidates found for them: what a judge is trained and measured on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..patterns import Drawer
from ..reflections import ReflectionStore
from ..retrieval import Memory, Neighbours
from ._compare import Comparison, compared
from ._joint import JointNetwork
from ._lines import Lines
from ._preselect import likeliest
from ._profile import Profile
from ._remembered import rows_of

SIZE = 128
KIN = 64
"""More crystals looked up than are candidates: a new crystal's kin are taken out of them."""


@dataclass(frozen=True, slots=True, eq=False)
class Queries:
    """N patterns with K candidates each; features in float16, of which there are many."""

    logits: Tensor
    """(N, m, 230) of the members."""
    similarity: Tensor
    """(N, K) cosines."""
    candidate_group: Tensor
    """(N, K) 0…229."""
    theoretical: Tensor
    """(N, K) 1 where a candidate has only been computed."""
    itself: Tensor
    """(N, K) whether a candidate is the very crystal."""
    comparison: Comparison
    group: Tensor
    """(N,) 0…229, the truth."""

    def __len__(self) -> int:
        return len(self.group)

    def take(self, rows: Tensor | slice) -> Queries:
        """Some of them, features in float32."""
        return Queries(
            self.logits[rows],
            self.similarity[rows],
            self.candidate_group[rows],
            self.theoretical[rows],
            self.itself[rows],
            self.comparison.map(lambda value: value[rows].float()),
            self.group[rows],
        )


@torch.no_grad()
def draw_queries(
    network: JointNetwork,
    memory: Memory,
    lines: Lines,
    store: ReflectionStore,
    crystals: NDArray[np.int64],
    new: NDArray[np.bool_],
    drawer: Drawer,
    candidates: int,
    pool: int,
    *,
    seed: int = 0,
    progress: Callable[[int], None] = lambda done: None,
) -> Queries:
    """One pattern of each of `crystals` (N,), indices into `store`.

    Candidates are the likeliest of `pool` neighbours. Of those that are `new` (N,) no crystal of
    the family is one, as if none were known.
    """
    neighbours, profile = Neighbours(memory, pool + KIN), Profile()
    family = torch.from_numpy(store.family.view(np.int64))
    remembered = torch.from_numpy(rows_of(memory, store))
    parts: list[Queries] = []
    for first in range(0, len(crystals), SIZE):
        chosen = crystals[first : first + SIZE]
        batch = drawer.draw(chosen, seed + first)
        own = network.answers(batch.pattern)
        found = neighbours(own.key)
        kin = family[remembered[found.crystal]] == family[torch.from_numpy(chosen)][:, None]
        kin &= torch.from_numpy(new[first : first + SIZE])[:, None]
        # Stable: what is left stays in its order, the nearest first.
        near = found.take(kin.int().argsort(dim=1, stable=True)[:, :pool])
        seen = profile(batch.pattern)
        if candidates < pool:
            place, strength, *_ = _columns(lines, near.crystal)
            near = near.take(likeliest(seen, near.similarity, place, strength, candidates))
        *columns, theoretical = _columns(lines, near.crystal)
        parts.append(
            Queries(
                own.logits,
                near.similarity,
                near.group,
                theoretical[..., 0],
                remembered[near.crystal] == torch.from_numpy(chosen)[:, None],
                compared(seen, *columns).map(Tensor.half),
                batch.space_group,
            )
        )
        progress(len(chosen))
    return _joined(parts)


def _columns(lines: Lines, crystal: Tensor) -> list[Tensor]:
    """Those of `Lines`, of crystals (N, K)."""
    chosen = lines.take(crystal.numpy())
    return [torch.from_numpy(getattr(chosen, column.name)) for column in fields(Lines)]


def _joined(parts: list[Queries]) -> Queries:
    columns = ("logits", "similarity", "candidate_group", "theoretical", "itself", "group")
    joined = {name: torch.cat([getattr(p, name) for p in parts]) for name in columns}
    features = [torch.cat(column) for column in zip(*(p.comparison for p in parts), strict=True)]
    return Queries(comparison=Comparison(*features), **joined)
