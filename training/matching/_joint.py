"""Several networks with keys as one whose key is theirs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..networks import HeadOutputs


class Answers(NamedTuple):
    """Of m members on N patterns."""

    logits: Tensor
    """(N, m, 230) of space groups."""
    lattice: Tensor
    """(N, 6) the mean of their cells."""
    embedding: Tensor
    """(N, F) the mean of their features."""
    key: Tensor
    """(N, m · K) of length 1."""


class JointNetwork(nn.Module):
    """Looked up with a joint key, a crystal's likeness is the mean of the members' cosines."""

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def answers(self, pattern: Tensor) -> Answers:
        """(N, 8192) → what all say. Raises ValueError where a member has no keys, or features of
        another width.
        """
        each = self._each(pattern)
        return Answers(
            torch.stack([one.space_group for one in each], dim=1),
            torch.stack([one.lattice for one in each]).mean(dim=0),
            torch.stack([one.embedding for one in each]).mean(dim=0),
            joint_key([one.key for one in each]),
        )

    def forward(self, pattern: Tensor) -> HeadOutputs:
        """For what fills memories: the first member's answer with the joint key."""
        each = self._each(pattern)
        return each[0]._replace(key=joint_key([one.key for one in each]))

    def _each(self, pattern: Tensor) -> list[HeadOutputs]:
        each: list[HeadOutputs] = [member(pattern) for member in self.members]
        widths = sorted({one.embedding.shape[1] for one in each})
        if len(widths) > 1:
            raise ValueError(
                f"members with features of {widths} numbers have no common embedding: give them "
                "one network.features, or match each alone"
            )
        return each


def joint_key(keys: Sequence[Tensor | None]) -> Tensor:
    """(N, K) each, of length 1 → (N, m · K) of length 1."""
    found = [key for key in keys if key is not None]
    if len(found) < len(keys) or not found:
        raise ValueError("a member has no keys: set network.heads.keys, 64 for one")
    return torch.cat(found, dim=1) / len(found) ** 0.5
