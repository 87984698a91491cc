"""What one shard is made of: a few structures and how to draw them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import numpy as np

from ..reflections import ReflectionStore
from ..structures import ReflectionEngine, StructureRecord
from ..tabulation import LeftOut


@dataclass(frozen=True, slots=True)
class StaticSetSettings:
    """All that decides the numbers of a set, but for its structures."""

    patterns: int = 100
    """Of each structure (paper: 100)."""
    seed: int = 0
    engine: ReflectionEngine = "builtin"
    exact: bool = False
    """builtin: every peak over the whole grid, not the Fourier sum (error ≤ 1e-3)."""
    noise: bool = True
    """False leaves noise to the data loader, as the paper does."""
    device: str = "cpu"
    format: Literal["hdf5", "zarr"] = "hdf5"
    structures_a_shard: int = 16
    every: int = 1
    """One structure in so many is taken."""
    limit: int | None = None
    """At most so many structures."""


@dataclass(frozen=True, slots=True, eq=False)
class ShardJob:
    """One shard: tables for the builtin engine, records for GSAS-II."""

    number: int
    first_structure: int
    structures: ReflectionStore | list[StructureRecord | LeftOut]
    """What could not be read comes along, to be named with the shard."""
    settings: StaticSetSettings


def jobs_of_store(store: ReflectionStore, settings: StaticSetSettings) -> Iterator[ShardJob]:
    """Jobs over a store's crystals, in its order."""
    chosen = np.arange(len(store))[:: settings.every][: settings.limit]
    size = settings.structures_a_shard
    for number, first in enumerate(range(0, len(chosen), size)):
        yield ShardJob(number, first, store.take(chosen[first : first + size]), settings)


def jobs_of_structures(
    records: Iterable[StructureRecord | LeftOut], settings: StaticSetSettings
) -> Iterator[ShardJob]:
    """Jobs over structures, in their order."""
    chosen = islice(records, 0, None, settings.every)
    if settings.limit is not None:
        chosen = islice(chosen, settings.limit)
    number = 0
    while rows := list(islice(chosen, settings.structures_a_shard)):
        yield ShardJob(number, number * settings.structures_a_shard, rows, settings)
        number += 1
