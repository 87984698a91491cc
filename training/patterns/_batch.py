"""A batch of training patterns with their labels, whichever engine drew it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

SYSTEM_LIMITS = np.array([2, 15, 74, 142, 167, 194, 230])
"""Last space group of each crystal system, triclinic … cubic."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """B patterns with their labels, on one device."""

    pattern: Tensor
    """(B, 8192) float32, each scaled to 0…1."""
    crystal_system: Tensor
    """(B,) int64, 0…6, triclinic … cubic."""
    space_group: Tensor
    """(B,) int64, 0…229, number − 1."""
    lattice: Tensor
    """(B, 6) float32, Niggli a b c (Å) α β γ (°) of the strained cell."""
    crystal: Tensor
    """(B,) int64, index into the store."""

    def __len__(self) -> int:
        return len(self.pattern)

    def to(self, device: torch.device) -> Batch:
        """The same on `device`."""
        return Batch(*(getattr(self, f.name).to(device) for f in fields(self)))


class Drawer(Protocol):
    """What draws patterns of a store's crystals; every engine is one."""

    @property
    def threads(self) -> int:
        """How many threads may draw parts of a batch at once."""
        ...

    def draw(self, crystals: NDArray[np.int64], seed: int) -> Batch:
        """One pattern of each of `crystals` (B,); the same seed draws the same."""
        ...


def joined(parts: list[Batch]) -> Batch:
    """One batch of several on the same device."""
    if len(parts) == 1:
        return parts[0]
    return Batch(*(torch.cat([getattr(p, f.name) for p in parts]) for f in fields(Batch)))


def system_sums() -> Tensor:
    """(230, 7) ones where a space group belongs to a crystal system."""
    limits = torch.from_numpy(SYSTEM_LIMITS)
    return F.one_hot(torch.bucketize(torch.arange(1, 231), limits), 7).float()


def class_labels(numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Crystal system 0…6 and group 0…229 of space group numbers 1…230."""
    return np.searchsorted(SYSTEM_LIMITS, numbers), numbers - 1
