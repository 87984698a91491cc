"""Accuracy on patterns of structures the network never saw."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ..patterns import BalancedSampler, Batch, Drawer
from ..reflections import ReflectionStore
from ._config import TrainingConfig
from ._losses import accuracy
from ._teacher import Teacher, divergence

SIZE = 256


def held_out_patterns(
    drawer: Drawer,
    store: ReflectionStore,
    held_out: NDArray[np.int64],
    config: TrainingConfig,
) -> list[Batch]:
    """The same patterns of held-out families each time; of some crystals several.

    Groups come as often as they occur, crystals that were only computed as often as in training.
    Raises ValueError where no family is held out.
    """
    if held_out.size == 0:
        raise ValueError(
            f"data.validation_fraction: {config.data.validation_fraction} holds out none of the "
            "few families of structures there are; raise it"
        )
    sampler = BalancedSampler(store, held_out, theoretical_weight=config.data.theoretical_weight)
    crystals = sampler.sample(config.data.validation_patterns, seed=20_26)
    return [
        drawer.draw(crystals[i : i + SIZE], seed=77_000_000 + i)
        for i in range(0, len(crystals), SIZE)
    ]


def validate(
    network: nn.Module,
    batches: list[Batch],
    device: torch.device,
    teacher: Teacher | None = None,
) -> dict[str, float]:
    """Top-1/top-5 accuracy and mean lattice errors over `batches`, named ``val_…``.

    With a `teacher` also the divergence of the space groups from its answers.
    """
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
        if outputs.lattice_std is not None:
            within = (outputs.lattice - batch.lattice).abs() <= outputs.lattice_std
            row["within_std"] = within.float().mean().item()
        if teacher is not None:
            lesson = teacher.answers(batch.pattern)
            row["divergence"] = divergence(outputs.space_group, lesson.space_group).item()
        for name, value in row.items():
            totals[name] = totals.get(name, 0.0) + value * len(batch) / count
    return {f"val_{name}": value for name, value in totals.items()}
