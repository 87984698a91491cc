"""The memory of a folder: made once, which takes minutes, and opened again by who made it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from ..patterns import Drawer
from ..reflections import ReflectionStore
from ..retrieval import MEMORY, Memory, quantised, remember, thinned
from ._joint import JointNetwork, joint_key

ALIKE = 0.8
"""Cosine of a crystal's key and that of another clean drawing of it; it is nearly 1."""
CHECKED = 16
"""Crystals whose keys are made anew to see whether a memory is these networks'."""


def open_memory(
    folder: Path,
    kept: Sequence[Path],
    network: JointNetwork,
    store: ReflectionStore,
    crystals: NDArray[np.int64],
    drawer: Drawer,
    *,
    views: int = 2,
    distinct: float = 0.97,
    seed: int = 0,
    progress: Callable[[int], None] = lambda done: None,
) -> Memory:
    """The one in `folder`, or a new one of `crystals`, indices into `store`, which is put there.

    `drawer` draws clean; crystals are kept once where they are `distinct` in nothing (`thinned`).
    What each network by itself makes of them is kept in a file of `kept`, for its next memory.
    `progress` is told of each crystal once a network. Raises ValueError for a memory of other
    networks or other crystals.
    """
    if (folder / MEMORY).is_file():
        memory = Memory.load(folder / MEMORY)
        if not _is_theirs(memory, network, store, drawer):
            raise ValueError(
                f"{folder / MEMORY} is of other networks or other crystals; remove it, or name "
                "another folder"
            )
        return memory
    each: list[Memory] = []
    for path, member in zip(kept, network.members, strict=True):
        own = Memory.load(path) if path.is_file() else None
        if own is not None and np.array_equal(own.identifier, store.identifier[crystals]):
            progress(len(crystals))
        else:
            own = remember(
                member, store, crystals, drawer, views=views, seed=seed, progress=progress
            )
            own.save(path)
        each.append(own)
    memory = thinned(joint_memory(each), distinct)
    folder.mkdir(parents=True, exist_ok=True)
    memory.save(folder / MEMORY)
    return memory


def joint_memory(each: Sequence[Memory]) -> Memory:
    """Of the same crystals, keys side by side."""
    keys = [F.normalize(torch.from_numpy(one.keys).float(), dim=1) for one in each]
    return replace(each[0], keys=quantised(joint_key(keys)).numpy())


def rows_of(memory: Memory, store: ReflectionStore) -> NDArray[np.int64]:
    """(M,) where each remembered crystal is in `store`. Raises KeyError for one that is not."""
    index = {name: row for row, name in enumerate(store.identifier.tolist())}
    return np.array([index[name] for name in memory.identifier.tolist()])


def _is_theirs(
    memory: Memory, network: JointNetwork, store: ReflectionStore, drawer: Drawer
) -> bool:
    if not np.isin(memory.identifier, store.identifier).all():
        return False
    some = memory.take(np.arange(min(CHECKED, len(memory))))
    with torch.no_grad():
        key = network(drawer.draw(rows_of(some, store), 0).pattern).key
    if key is None or key.shape[1] != some.keys.shape[1]:
        return False
    kept = F.normalize(torch.from_numpy(some.keys).float(), dim=1)
    return bool((key * kept).sum(dim=1).median() > ALIKE)
