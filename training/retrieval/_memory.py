"""What a network remembers of the crystals it was trained on: keys, space groups and cells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional as F

from ..patterns import Drawer
from ..reflections import ReflectionStore
from ._bank import keys_of
from ._scores import quantised

MEMORY = "memory.npz"
"""In a run's folder."""
SIZE = 256


@dataclass(frozen=True, slots=True, eq=False)
class Remembered:
    """M crystals as a graph holds them."""

    keys: NDArray[np.int8]
    """(M, K)."""
    group: NDArray[np.uint8]
    """(M,) 0…229."""
    lattice: NDArray[np.float16]
    """(M, 6) Niggli a b c (Å) α β γ (°)."""

    def __len__(self) -> int:
        return len(self.keys)

    def __add__(self, other: Self) -> Self:
        columns = ((getattr(self, f.name), getattr(other, f.name)) for f in fields(self))
        return type(self)(*(np.concatenate(pair) for pair in columns))

    def take(self, rows: NDArray) -> Self:
        """Some of them: a mask or indices."""
        return type(self)(*(getattr(self, f.name)[rows] for f in fields(self)))


@dataclass(frozen=True, slots=True, eq=False)
class Memory(Remembered):
    """M crystals with their names, beside the network that made their keys."""

    identifier: NDArray[np.str_]
    """(M,)."""

    def save(self, path: Path) -> None:
        """Write an ``.npz``, atomically."""
        part = path.with_suffix(".part.npz")
        np.savez_compressed(part, **{f.name: getattr(self, f.name) for f in fields(self)})
        part.replace(path)

    @classmethod
    def load(cls, path: Path) -> Memory:
        """Raises FileNotFoundError naming the command that makes it."""
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no memory; run `python -m training remember`")
        with np.load(path) as arrays:
            return cls(**{f.name: arrays[f.name] for f in fields(cls)})


def remember(
    network: nn.Module,
    store: ReflectionStore,
    crystals: NDArray[np.int64],
    drawer: Drawer,
    *,
    views: int = 2,
    seed: int = 0,
    progress: Callable[[int], None] = lambda done: None,
) -> Memory:
    """Keys of `crystals` (M,), each the mean direction of `views` drawings by `drawer`.

    `drawer` draws unstrained (`training.patterns.KEY`): the cells remembered are the structures'.
    """
    keys, groups, cells = [], [], []
    for first in range(0, len(crystals), SIZE):
        part = crystals[first : first + SIZE]
        drawn = [drawer.draw(part, (seed + v) * 1_000_003 + first) for v in range(views)]
        mean = torch.stack([keys_of(network, b.pattern, bfloat16=True) for b in drawn]).mean(dim=0)
        keys.append(quantised(F.normalize(mean, dim=1)).numpy())
        groups.append(drawn[0].space_group.numpy().astype(np.uint8))
        cells.append(drawn[0].lattice.numpy().astype(np.float16))
        progress(len(part))
    return Memory(
        np.concatenate(keys),
        np.concatenate(groups),
        np.concatenate(cells),
        store.identifier[crystals],
    )
