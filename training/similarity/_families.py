"""Structures of all sets together by formula and space group: only such may be equal."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ..structures import StructureRecord


@dataclass(slots=True)
class Families:
    """By family, the members with the set each is of."""

    sets: tuple[str, ...]
    members: dict[str, list[tuple[int, StructureRecord]]] = field(default_factory=dict)

    def sampled(self, count: int | None) -> Families:
        """`count` families by the order of their hashes: always the same ones, of all kinds."""
        if count is None or count >= len(self.members):
            return self
        chosen = sorted(self.members, key=_hash)[:count]
        return Families(self.sets, {name: self.members[name] for name in chosen})

    def __iter__(self) -> Iterator[tuple[str, list[tuple[int, StructureRecord]]]]:
        return iter(sorted(self.members.items()))

    def __len__(self) -> int:
        return len(self.members)


def gather(sets: dict[str, Iterable[StructureRecord]]) -> Families:
    """All structures of the named sets, in memory (some 3 kB each)."""
    families = Families(tuple(sets))
    for number, records in enumerate(sets.values()):
        for record in records:
            families.members.setdefault(record.compound, []).append((number, record))
    return families


def _hash(name: str) -> bytes:
    return hashlib.blake2b(name.encode(), digest_size=8).digest()
