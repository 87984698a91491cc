"""Counts as in the paper's Supplementary Figure 1c."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from pydantic import BaseModel

from ._run import FamilyResult


class Share(BaseModel):
    """What lies in these sets only, or in all of them."""

    unique: int
    """Distinct crystals: clusters."""
    equivalent: int
    """Structures beyond the first of each."""


class SimilaritySummary(BaseModel):
    """Of all families looked at."""

    sets: list[str]
    threshold: float
    families: int
    structures: int
    compared: int
    """Structures in families of more than one."""
    shares: dict[str, Share]
    """By the sets a crystal occurs in, joined with ``+``."""
    largest: list[tuple[str, int]]
    """Families with the most equal members: one identifier, and how many."""
    failed: dict[str, str]


def summarize(
    results: Iterable[FamilyResult], sets: tuple[str, ...], threshold: float
) -> SimilaritySummary:
    """Sum the families."""
    unique: Counter[str] = Counter()
    equivalent: Counter[str] = Counter()
    largest: list[tuple[str, int]] = []
    failed: dict[str, str] = {}
    families = structures = compared = 0
    for result in results:
        families += 1
        structures += len(result.identifiers) + len(result.failed)
        compared += len(result.identifiers) if len(result.identifiers) > 1 else 0
        failed |= result.failed
        for cluster in set(result.clusters):
            rows = [i for i, c in enumerate(result.clusters) if c == cluster]
            where = " + ".join(sets[n] for n in sorted({result.sets[i] for i in rows}))
            unique[where] += 1
            equivalent[where] += len(rows) - 1
            if len(rows) > 1:
                largest.append((result.identifiers[rows[0]], len(rows)))
    return SimilaritySummary(
        sets=list(sets),
        threshold=threshold,
        families=families,
        structures=structures,
        compared=compared,
        shares={w: Share(unique=unique[w], equivalent=equivalent[w]) for w in sorted(unique)},
        largest=sorted(largest, key=lambda row: (-row[1], row[0]))[:10],
        failed=failed,
    )
