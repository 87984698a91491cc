"""Prediction heads: crystal system, space group, lattice; all from one feature vector."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..patterns import SYSTEM_LIMITS
from ._lattice import FORMS

SYSTEMS, GROUPS, CELL = 7, 230, 6
RELATIVE_LENGTH_STD, ANGLE_STD = 0.15, 8.0
"""Of a length, and in degrees: the σ an untrained head gives."""
_ENDS = [0, *(int(n) for n in SYSTEM_LIMITS)]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadOptions:
    """Choices of ``[network.heads]``. Raises ValueError for a lattice form that does not exist."""

    lattice: Literal["bounded", "log", "reciprocal"] = "log"
    """How six numbers are a cell: the paper's sigmoids, log lengths, or the reciprocal metric."""
    experts: bool = False
    """A lattice for each crystal system, mixed with the systems' probabilities."""
    sigma: bool = False
    """A σ for each lattice number of each pattern; wants a likelihood as `loss.lattice`."""
    conditioned: bool = False
    """Space groups as shares of their crystal system: P(group) = P(system) · P(group | system)."""
    keys: int = 0
    """Width of the key a pattern is looked up with among known crystals; 0 for none."""

    def __post_init__(self) -> None:
        if self.lattice not in FORMS:
            raise ValueError(f"network.heads.lattice: {self.lattice!r} is not one of {[*FORMS]}")

    @property
    def lattice_width(self) -> int:
        """Numbers the lattice layer gives for a pattern."""
        return CELL * (1 + self.sigma) * (SYSTEMS if self.experts else 1)


class HeadOutputs(NamedTuple):
    """What a network returns in training."""

    crystal_system: Tensor
    """(B, 7) logits."""
    space_group: Tensor
    """(B, 230) logits."""
    lattice: Tensor
    """(B, 6) Niggli a b c (Å) α β γ (°)."""
    embedding: Tensor
    """(B, F) the features the heads read."""
    lattice_std: Tensor | None = None
    """(B, 6) Å, °: σ of the lattice; None where the network gives none."""
    key: Tensor | None = None
    """(B, K) of length 1: what the pattern is looked up with; None where there are no keys."""

    def map(self, change: Callable[[Tensor], Tensor]) -> HeadOutputs:
        """The same, every tensor changed."""
        std, key = (None if value is None else change(value) for value in self[4:])
        system, group, lattice, embedding = (change(value) for value in self[:4])
        return HeadOutputs(system, group, lattice, embedding, std, key)

    @classmethod
    def joined(
        cls, parts: Sequence[HeadOutputs], join: Callable[[list[Tensor]], Tensor]
    ) -> HeadOutputs:
        """One of several, by e.g. `torch.stack`. Raises ValueError where only some give a σ."""
        stds = [p.lattice_std for p in parts if p.lattice_std is not None]
        if len(stds) not in (0, len(parts)):
            raise ValueError("some members give a σ of the lattice and others do not")
        columns = zip(*(p[:4] for p in parts), strict=True)
        system, group, lattice, embedding = (join(list(column)) for column in columns)
        keys = [p.key for p in parts if p.key is not None]
        key = join(keys) if len(keys) == len(parts) else None
        return cls(system, group, lattice, embedding, join(stds) if stds else None, key)


class RawOutputs(NamedTuple):
    """What the last layers give, before anything is made of it."""

    crystal_system: Tensor
    """(B, 7)."""
    space_group: Tensor
    """(B, 230)."""
    lattice: Tensor
    """(B, `HeadOptions.lattice_width`)."""
    embedding: Tensor
    """(B, F)."""
    key: Tensor | None = None
    """(B, `HeadOptions.keys`), of any length."""


class Heads(nn.Module):
    """Linear classifiers and a small regressor."""

    def __init__(self, features: int, dropout: float, options: HeadOptions) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.crystal_system = nn.Linear(features, SYSTEMS)
        self.space_group = nn.Linear(features, GROUPS)
        self.lattice = nn.Sequential(
            nn.Linear(features, 256), nn.GELU(), nn.Linear(256, options.lattice_width)
        )
        self.key = nn.Linear(features, options.keys, bias=False) if options.keys else None

    def forward(self, embedding: Tensor) -> RawOutputs:
        """(B, F) features → last layers."""
        x = self.dropout(embedding)
        key = None if self.key is None else self.key(embedding)
        return RawOutputs(
            self.crystal_system(x), self.space_group(x), self.lattice(x), embedding, key
        )


def answer(raw: RawOutputs, options: HeadOptions) -> HeadOutputs:
    """Logits and a cell of the last layers; in float32, whatever the network ran in."""
    system, group, numbers, embedding = (value.float() for value in raw[:4])
    if options.conditioned:
        group = _within_systems(group, system)
    lattice, std = _cell(numbers, system, options)
    key = None if raw.key is None else F.normalize(raw.key.float(), dim=1)
    return HeadOutputs(system, group, lattice, embedding, std, key)


def _within_systems(group: Tensor, system: Tensor) -> Tensor:
    """(B, 230) log P(system) + log P(group | system)."""
    log_system = system.log_softmax(dim=1)
    parts = [
        group[:, first:last].log_softmax(dim=1) + log_system[:, i : i + 1]
        for i, (first, last) in enumerate(pairwise(_ENDS))
    ]
    return torch.cat(parts, dim=1)


def _cell(numbers: Tensor, system: Tensor, options: HeadOptions) -> tuple[Tensor, Tensor | None]:
    """(B, 6) cell and its σ. Of a mixture: mean, and the standard deviation of the whole."""
    if options.experts:
        numbers = numbers.reshape(-1, SYSTEMS, CELL * (1 + options.sigma))
    cell = FORMS[options.lattice](numbers[..., :CELL])
    std = _std(numbers[..., CELL:], cell) if options.sigma else None
    if not options.experts:
        return cell, std
    # Detached: what a lattice costs must not move the crystal system's probabilities.
    weight = system.detach().softmax(dim=1).unsqueeze(2)
    mean = (weight * cell).sum(dim=1)
    if std is None:
        return mean, None
    variance = (weight * (std**2 + (cell - mean.unsqueeze(1)) ** 2)).sum(dim=1)
    return mean, variance.sqrt()


def _std(numbers: Tensor, cell: Tensor) -> Tensor:
    """σ: relative to the length, and in degrees. Bounded on either side of the untrained one's."""
    factor = numbers.clamp(-5.0, 3.0).exp()
    lengths = RELATIVE_LENGTH_STD * factor[..., :3] * cell[..., :3]
    return torch.cat([lengths, ANGLE_STD * factor[..., 3:]], dim=-1)
