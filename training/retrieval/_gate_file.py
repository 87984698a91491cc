"""The gate of a run's folder, in a file that can be read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeVar

import torch
from torch import nn

from ._memory import MEMORY, Memory
from ._neighbours import Neighbours
from ._network import Gate, WithMemory

N = TypeVar("N", bound=nn.Module)
GATE = "gate.json"


def save_gate(gate: Gate, path: Path) -> None:
    """Write its numbers by name."""
    values = {name: value.tolist() for name, value in gate.state_dict().items()}
    path.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")


def load_gate(path: Path) -> Gate:
    """Raises FileNotFoundError where there is none."""
    gate = Gate()
    values = json.loads(path.read_text(encoding="utf-8"))
    gate.load_state_dict({name: torch.tensor(value) for name, value in values.items()})
    return gate.requires_grad_(False)


def with_memory(network: N, folder: Path) -> N | WithMemory:
    """`network` with the memory of its run's folder; itself where `training remember` never ran."""
    if not (folder / MEMORY).is_file():
        return network
    neighbours = Neighbours(Memory.load(folder / MEMORY))
    return WithMemory(network, neighbours, load_gate(folder / GATE)).eval()
