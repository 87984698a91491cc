"""The disordered crystal that an ordered one is a case of: its average over a higher symmetry."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import spglib
import spglib.error
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from ..structures import FIRST_MIXTURE, Mixture, StructureRecord, lattice_vectors
from ._likeness import Kinds

MERGE = 0.6
"""Å; images of a loose atom nearer than this are one site."""


def averaged(record: StructureRecord, kinds: Kinds, symprec: float) -> StructureRecord | None:
    """`record` averaged over the symmetry it has where elements of one kind are the same.

    None where that is no higher than its own.
    """
    kind = np.array([kinds[int(z)] for z in record.atomic_numbers])
    fixed = kind > 0
    if not fixed.any():
        return None
    own = _own_order(record, symprec)
    more = _operations(record, kind, fixed, symprec)
    if own is None or more is None or len(more[0]) <= own:
        return None
    rotations, translations = more
    lattice = _lattice(record.lattice, rotations)
    images = (np.einsum("gij,nj->gni", rotations, record.fractional) + translations[:, None]) % 1
    sites = _framework(images, kind, record, lattice, fixed)
    loose = _loose(images, record, lattice, ~fixed)
    if sites is None or loose is None:
        return None
    return _record(record, lattice, sites + loose)


Site = tuple[NDArray[np.float64], Mixture]


@lru_cache(maxsize=1)
def _own_order(record: StructureRecord, symprec: float) -> int | None:
    """How many operations a crystal has as it is; asked anew for each way to mix it."""
    everything = np.full(len(record.fractional), True)
    found = _operations(record, record.atomic_numbers, everything, symprec)
    return None if found is None else len(found[0])


def _operations(
    record: StructureRecord, types: NDArray, chosen: NDArray[np.bool_], symprec: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]] | None:
    # spglib's coming behaviour: raise instead of answering None.
    spglib.error.OLD_ERROR_HANDLING = False
    cell = (record.lattice, record.fractional[chosen], types[chosen])
    try:
        found = spglib.get_symmetry_dataset(cell, symprec=symprec)  # pyright: ignore[reportArgumentType]
    except spglib.error.SpglibError:
        return None
    if found is None:
        return None
    return np.asarray(found.rotations, dtype=np.int64), np.asarray(found.translations)


def _lattice(lattice: NDArray[np.float64], rotations: NDArray[np.int64]) -> NDArray[np.float64]:
    """Rows of the lattice whose metric is the mean over `rotations`."""
    metric = lattice @ lattice.T
    mean = np.einsum("gji,jk,gkl->il", rotations, metric, rotations) / len(rotations)
    lengths = np.sqrt(np.diag(mean))
    cosines = mean / np.outer(lengths, lengths)
    angles = np.degrees(np.arccos([cosines[1, 2], cosines[0, 2], cosines[0, 1]]))
    return lattice_vectors([*lengths, *angles])


def _framework(
    images: NDArray, kind: NDArray, record: StructureRecord, lattice: NDArray, fixed: NDArray
) -> list[Site] | None:
    """Each fixed site at the mean of the images that fall on it, with the elements of its orbit."""
    rows = np.flatnonzero(fixed)
    home = record.fractional[rows]
    moved = np.zeros_like(home)
    lands = np.empty((len(images), len(rows)), dtype=np.int64)
    for number, image in enumerate(images):
        shift = image[rows][:, None] - home[None]
        shift -= shift.round()
        distance = np.einsum("nmi,ij->nmj", shift, lattice)
        squared = (distance**2).sum(axis=2)
        squared[kind[rows][:, None] != kind[rows][None]] = np.inf
        to = squared.argmin(axis=1)
        if len(set(to.tolist())) < len(to):
            return None
        moved[to] += shift[np.arange(len(rows)), to]
        lands[number] = to
    positions = (home + moved / len(images)) % 1
    elements = record.atomic_numbers[rows]
    sites: list[Site] = []
    mixtures: dict[int, Mixture] = {}
    orbit = lands.min(axis=0)
    for i in range(len(rows)):
        if orbit[i] not in mixtures:
            found, counts = np.unique(elements[lands[:, i]], return_counts=True)
            mixtures[orbit[i]] = tuple(
                (int(z), float(c / len(images))) for z, c in zip(found, counts, strict=True)
            )
        sites.append((positions[i], mixtures[orbit[i]]))
    return sites


def _loose(
    images: NDArray, record: StructureRecord, lattice: NDArray, loose: NDArray
) -> list[Site] | None:
    """Sites of the atoms that the symmetry was found without, partly filled."""
    sites: list[Site] = []
    for element in np.unique(record.atomic_numbers[loose]):
        rows = np.flatnonzero(loose & (record.atomic_numbers == element))
        points = images[:, rows].reshape(-1, 3)
        shift = points[:, None] - points[None]
        shift -= shift.round()
        near = ((shift @ lattice) ** 2).sum(axis=2) < MERGE**2
        count, label = connected_components(near, directed=False)
        for one in range(count):
            members = np.flatnonzero(label == one)
            occupancy = len(members) / len(images)
            if occupancy > 1.01:
                return None
            mean = points[members[0]] - shift[members[0], members].mean(axis=0)
            sites.append((mean % 1, ((int(element), min(1.0, round(occupancy, 4))),)))
    return sites


def _is_whole(mixture: Mixture) -> bool:
    """One element on every site."""
    return mixture == ((mixture[0][0], 1.0),)


def _record(
    record: StructureRecord, lattice: NDArray[np.float64], sites: list[Site]
) -> StructureRecord:
    mixtures = sorted({mixture for _, mixture in sites if not _is_whole(mixture)})
    number: dict[Mixture, int] = {m: FIRST_MIXTURE + i for i, m in enumerate(mixtures)}
    return replace(
        record,
        lattice=lattice,
        fractional=np.array([position for position, _ in sites]),
        atomic_numbers=np.array([number.get(m, m[0][0]) for _, m in sites], dtype=np.int32),
        mixtures=tuple(mixtures),
        family_name=record.family,
    )
