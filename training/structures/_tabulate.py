"""Structures → reflection tables, over a pool of processes; what fails is named and counted."""

from __future__ import annotations

import hashlib
import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

import numpy as np

from alphadiffract_stream.pattern import wavelength_from_energy
from alphadiffract_stream.simulation import StructureError, reflections

from ..reflections import ReflectionStore
from ._record import StructureRecord
from ._standardize import standardize

WAVELENGTH = wavelength_from_energy(20.0)
STRAIN_MARGIN = 0.04
"""Reflections are kept a little beyond 5…20° so that a strained cell lacks none at the edge."""
D_MIN = WAVELENGTH / (2 * np.sin(np.radians(10.0))) * (1 - STRAIN_MARGIN)
D_MAX = WAVELENGTH / (2 * np.sin(np.radians(2.5))) * (1 + STRAIN_MARGIN)
MAX_ATOMS = 500
MAX_VOLUME = 100_000.0
WEAKEST = 1e-5
"""Of the strongest reflection's intensity; weaker ones are left out."""


def tabulate(record: StructureRecord) -> ReflectionStore:
    """Reflections of one structure, by the paper's §5.1 rules. Raises StructureError."""
    if record.space_group_number != record.space_group_number_tight:
        raise StructureError("space group differs between tolerances 0.01 and 0.1 Å")
    if len(record.atomic_numbers) > MAX_ATOMS:
        raise StructureError(f"more than {MAX_ATOMS} atoms")
    standard = standardize(record)
    table = reflections(standard.contents, D_MIN, D_MAX)
    if table.volume >= MAX_VOLUME:
        raise StructureError(f"volume above {MAX_VOLUME:.0f} Å³")
    strength = table.multiplicity * table.f_squared / table.volume**2
    # Lorentz weight ~ d² over this range: what is weak on the detector, not in |F|².
    on_detector = strength * table.d**2
    keep = on_detector > WEAKEST * on_detector.max(initial=0)
    if not keep.any():
        raise StructureError("no reflections in range")
    if np.abs(table.hkl[keep]).max() > 127:
        raise StructureError("indices above 127")
    family = hashlib.blake2b(record.family.encode(), digest_size=8).digest()
    return ReflectionStore(
        identifier=np.array([record.identifier]),
        family=np.array([int.from_bytes(family, "little")], dtype=np.uint64),
        space_group_number=np.array([record.space_group_number], dtype=np.uint8),
        cell=np.array([standard.contents.cell], dtype=np.float32),
        to_niggli=standard.to_niggli[None].astype(np.float32),
        offsets=np.array([0, keep.sum()]),
        hkl=table.hkl[keep].astype(np.int8),
        strength=strength[keep].astype(np.float32),
    )


def tabulate_all(
    records: Iterable[StructureRecord],
    *,
    processes: int,
    chunk: int = 256,
    progress: Callable[[int], None] = lambda done: None,
) -> tuple[ReflectionStore, Counter[str]]:
    """Tables of all structures that pass, and how many fell at which rule."""
    stores: list[ReflectionStore] = []
    reasons: Counter[str] = Counter()
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes) as pool:
        for store, failed, size in pool.imap(_tabulate_chunk, _chunks(records, chunk)):
            stores += [store] if store else []
            reasons += failed
            progress(size)
    return ReflectionStore.concatenate(stores), reasons


def _tabulate_chunk(
    records: list[StructureRecord],
) -> tuple[ReflectionStore | None, Counter[str], int]:
    tables, reasons = [], Counter()
    for record in records:
        try:
            tables.append(tabulate(record))
        except StructureError as error:
            reasons[str(error).removeprefix(f"{record.identifier}: ")] += 1
    return (ReflectionStore.concatenate(tables) if tables else None), reasons, len(records)


def _chunks(records: Iterable[StructureRecord], size: int) -> Iterator[list[StructureRecord]]:
    iterator = iter(records)
    while chunk := list(islice(iterator, size)):
        yield chunk
