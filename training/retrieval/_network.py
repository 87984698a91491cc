"""A network that also looks its pattern up among remembered crystals, and weighs both answers.

The weight of what was found follows from how near it is, how much the neighbours agree among
themselves and with the network, and how sure the network is: a logistic gate with a handful of
numbers, fitted on patterns of remembered and of new crystals alike. To whoever holds it, the whole
is a network like any other (its logits are log probabilities).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..networks import HeadOutputs
from ..patterns import system_sums
from ._cell import median_cell
from ._neighbours import Found, Neighbours
from ._numbers import TINY, entropy

GROUPS = 230


class Gate(nn.Module):
    """How much what was found counts."""

    def __init__(self) -> None:
        super().__init__()
        self.log_temperature = nn.Parameter(torch.tensor(-3.3))
        """Of the neighbours' similarities."""
        self.network_temperature = nn.Parameter(torch.tensor(1.0))
        self.weight = nn.Parameter(torch.tensor([10.0, 0.0, 0.0, 0.0]))
        """Of `features`."""
        self.bias = nn.Parameter(torch.tensor(-8.5))

    def shares(self, found: Found) -> Tensor:
        """(N, k) weights of the neighbours; they sum to 1."""
        return (found.similarity / self.log_temperature.exp()).softmax(dim=1)

    def forward(self, found: Tensor, network: Tensor, similarity: Tensor) -> Tensor:
        """Two (N, 230) distributions and (N, k) cosines → (N, 1) weight of the first, 0…1."""
        agreement = (found * network).sum(dim=1).clamp_min(TINY).log()
        features = torch.stack(
            [similarity[:, 0], entropy(found), entropy(network), agreement], dim=1
        )
        return torch.sigmoid(features @ self.weight + self.bias)[:, None]


class WithMemory(nn.Module):
    """(N, 8192) → `HeadOutputs` of network and memory together; with a σ of each lattice."""

    system_sums: Tensor

    def __init__(self, network: nn.Module, neighbours: Neighbours, gate: Gate) -> None:
        super().__init__()
        self.network, self.neighbours, self.gate = network, neighbours, gate
        self.register_buffer("system_sums", system_sums(), persistent=False)

    def forward(self, pattern: Tensor) -> HeadOutputs:
        """Logits here are log probabilities."""
        own: HeadOutputs = self.network(pattern)
        if own.key is None:
            raise ValueError("the network has no keys: set network.heads.keys, 64 for one")
        return combined(own, self.neighbours(own.key), self.gate, self.system_sums)


def combined(own: HeadOutputs, found: Found, gate: Gate, system_sums: Tensor) -> HeadOutputs:
    """The network's answer and the neighbours', weighed."""
    shares = gate.shares(found)
    seen = (F.one_hot(found.group, GROUPS).float() * shares[:, :, None]).sum(dim=1)
    network = (own.space_group * gate.network_temperature).softmax(dim=1)
    weight = gate(seen, network, found.similarity)
    group = weight * seen + (1 - weight) * network
    system = group @ system_sums
    believed = shares * group.gather(1, found.group)
    believed = believed / believed.sum(dim=1, keepdim=True).clamp_min(TINY)
    lattice, std = median_cell(found.lattice, believed, own.lattice, weight)
    return HeadOutputs(
        system.clamp_min(TINY).log(), group.clamp_min(TINY).log(), lattice, own.embedding, std
    )
