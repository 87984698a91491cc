"""The remembered crystals most like a pattern: part of the deployed graph."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ._memory import Memory
from ._scores import QUERY_STEP, STEP, key_scores, quantised_query


class Found(NamedTuple):
    """The k best of each of N queries, best first."""

    similarity: Tensor
    """(N, k) cosines."""
    group: Tensor
    """(N, k) int64, 0…229."""
    lattice: Tensor
    """(N, k, 6) Å, °."""
    crystal: Tensor
    """(N, k) which of the memory."""

    def take(self, order: Tensor) -> Found:
        """(N, j) positions among the k → those, in that order."""
        lattice = self.lattice.gather(1, order[..., None].expand(-1, -1, self.lattice.shape[2]))
        similarity, group, crystal = (
            column.gather(1, order) for column in (self.similarity, self.group, self.crystal)
        )
        return Found(similarity, group, lattice, crystal)


class Neighbours(nn.Module):
    """Looks keys up in a memory."""

    keys: Tensor
    group: Tensor
    lattice: Tensor

    integer: bool
    """Integer products, which processors are quick at; else the same in floats, for TensorRT."""

    def __init__(self, memory: Memory, count: int = 32) -> None:
        super().__init__()
        self.integer = True
        self.count = min(count, len(memory))
        keys = torch.from_numpy(memory.keys).T.contiguous()
        self.register_buffer("keys", keys, persistent=False)
        self.register_buffer("group", torch.from_numpy(memory.group), persistent=False)
        self.register_buffer("lattice", torch.from_numpy(memory.lattice), persistent=False)

    def forward(self, query: Tensor) -> Found:
        """(N, K) keys of patterns → what is found."""
        if self.integer:
            scores, index = key_scores(query, self.keys).topk(self.count, dim=1)
            cosine = scores.float() * (QUERY_STEP * STEP)
        else:
            rounded = quantised_query(query) * QUERY_STEP
            cosine, index = (rounded @ (self.keys.float() * STEP)).topk(self.count, dim=1)
        return Found(cosine, self.group[index].long(), self.lattice[index].float(), index)
