"""Accuracy on patterns of structures the network never saw."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ..patterns import Batch, Drawer
from ._config import TrainingConfig
from ._losses import accuracy

SIZE = 256


def held_out_patterns(
    drawer: Drawer, held_out: NDArray[np.int64], config: TrainingConfig
) -> list[Batch]:
    """The same patterns of held-out families each time."""
    generator = np.random.default_rng(20_26)
    size = min(config.data.validation_patterns, held_out.size)
    crystals = generator.choice(held_out, size=size, replace=False)
    return [
        drawer.draw(crystals[i : i + SIZE], seed=77_000_000 + i)
        for i in range(0, len(crystals), SIZE)
    ]


def validate(network: nn.Module, batches: list[Batch], device: torch.device) -> dict[str, float]:
    """Top-1/top-5 accuracy and mean lattice errors over `batches`, named ``val_…``."""
    network.eval()
    totals: dict[str, float] = {}
    count = sum(len(b) for b in batches)
    for batch in (b.to(device) for b in batches):
        with torch.no_grad():
            outputs = network(batch.pattern)
        row = accuracy(outputs, batch.crystal_system, batch.space_group)
        error = (outputs.lattice - batch.lattice).abs()
        row["length_mae"] = error[:, :3].mean().item()
        row["angle_mae"] = error[:, 3:].mean().item()
        for name, value in row.items():
            totals[name] = totals.get(name, 0.0) + value * len(batch) / count
    return {f"val_{name}": value for name, value in totals.items()}
