"""Which elements take each other's sites in crystals, and so what of an ordered one may be mixed.

Goldschmidt's rule: radii that differ by less than some 15 %; cation for cation, anion for anion.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import combinations

import gemmi
import numpy as np

from ..structures import StructureRecord

RADII = 1.16
"""Largest ratio of the covalent radii of elements that mix."""
ANIONS = frozenset({7, 8, 9, 16, 17, 34, 35, 52, 53})
"""N O F, S Cl, Se Br, Te I."""
LOOSE = frozenset({1, 3, 11, 19, 29, 37, 47, 55})
"""H, the alkali metals, Cu and Ag: in frameworks they are spread over partly empty sites."""
HYDROGEN = frozenset({1})

Kinds = dict[int, int]
"""Atomic number → what stands for all that mix with it; 0 where an element is loose."""


def mixings(record: StructureRecord) -> Iterator[Kinds]:
    """Ways to take the order out of `record`, each once, the gentlest first."""
    elements = tuple(int(z) for z in np.unique(record.dominant))
    if len(elements) < 2:
        return
    same = {z: z for z in elements}
    bare = {**same, 1: 0} if 1 in same and len(elements) > 2 else same
    pairs = [p for p in combinations(elements, 2) if alike(*p)]
    proposals = [bare]
    proposals += [_merged(bare, [pair]) for pair in pairs]
    proposals += [_merged(bare, pairs)] if len(pairs) > 1 else []
    for loose in (LOOSE - HYDROGEN) & set(elements):
        if len(elements) > 2 and not pairs_of(loose, pairs):
            proposals.append({**bare, loose: 0})
    told = {tuple(same.items())}
    for kinds in proposals:
        if tuple(kinds.items()) not in told:
            told.add(tuple(kinds.items()))
            yield kinds


def pairs_of(element: int, pairs: list[tuple[int, int]]) -> bool:
    return any(element in pair for pair in pairs)


@cache
def alike(one: int, other: int) -> bool:
    """Whether the two take each other's sites."""
    if 1 in (one, other) or (one in ANIONS) != (other in ANIONS):
        return False
    radii = sorted(gemmi.Element(z).covalent_r for z in (one, other))
    return radii[1] <= RADII * radii[0]


def _merged(kinds: Kinds, pairs: list[tuple[int, int]]) -> Kinds:
    merged = dict(kinds)
    for one, other in pairs:
        if merged[one] and merged[other]:
            old, new = sorted((merged[one], merged[other]))[::-1]
            merged = {z: new if kind == old else kind for z, kind in merged.items()}
    return merged
