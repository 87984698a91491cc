"""An entry of ordered crystals → the disordered ones they are cases of, judged like any others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import gemmi

from ..curation import Entry, Kept, Rejected, Tolerances, records_of, verdict
from ..structures import StructureRecord
from ._average import averaged
from ._likeness import Kinds, mixings

SYMPREC = 0.25
"""Å; atoms of an ordered crystal are off their places in the average by a tenth or two."""
LARGEST = 120
"""Atoms in the cell as given; beyond, averaging takes long and hardly ever finds anything."""


def disordered(
    entry: Entry, tolerances: Tolerances, symprec: float = SYMPREC
) -> list[Kept | Rejected]:
    """Every average of an entry's structures that has a symmetry of its own.

    Of those with the same space group the one that mixes least. An entry without any, or that
    cannot be read, gives nothing.
    """
    verdicts: list[Kept | Rejected] = []
    for record in records_of(entry):
        if isinstance(record, StructureRecord) and len(record.atomic_numbers) <= LARGEST:
            verdicts += _averages(record, tolerances, symprec)
    return verdicts


def _averages(
    record: StructureRecord, tolerances: Tolerances, symprec: float
) -> Iterator[Kept | Rejected]:
    groups: set[int] = set()
    for kinds in mixings(record):
        average = averaged(record, kinds, symprec)
        if average is None:
            continue
        name = f"{record.identifier}:{mixed_name(kinds)}"
        result = verdict(replace(average, identifier=name, theoretical=None), tolerances)
        if isinstance(result, Rejected):
            yield result
        elif result.record.space_group_number not in groups:
            groups.add(result.record.space_group_number)
            # Held out with the crystal it is made of, or trained on with it.
            yield Kept(replace(result.record, family_name=record.family))


def mixed_name(kinds: Kinds) -> str:
    """Elements that share sites, ``Al+Si``, and those spread over theirs, ``(H)``."""
    shared = [[z for z in kinds if kinds[z] == kind] for kind in sorted(set(kinds.values()) - {0})]
    parts = ["+".join(gemmi.Element(z).name for z in some) for some in shared if len(some) > 1]
    loose = [f"({gemmi.Element(z).name})" for z, kind in kinds.items() if kind == 0]
    return ",".join(parts + loose)
