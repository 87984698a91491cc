"""The paper's equation (6): two cross-entropies, the graph earth mover's distance, the lattice."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ..networks import HeadOutputs
from ._config import LossConfig

ANGLE_UNIT = 30.0
"""Degrees that cost about what a factor e in length does."""


def graph_distances(edges: Path) -> NDArray[np.float32]:
    """(230, 230) fewest hops between space groups in the maximal-subgroup graph (§2.3).

    `edges`: JSON rows [group, subgroup, index, kind]; directions and self-loops are dropped.
    Raises ValueError when the graph is not connected.
    """
    rows = json.loads(edges.read_text(encoding="utf-8"))
    rows = rows["edges"] if isinstance(rows, dict) else rows
    linked = np.zeros((230, 230), dtype=bool)
    for group, subgroup, *_ in rows:
        linked[group - 1, subgroup - 1] = linked[subgroup - 1, group - 1] = True
    distance = np.where(np.eye(230, dtype=bool), 0.0, np.inf)
    reached, hops = np.eye(230, dtype=bool), 0
    while np.isinf(distance).any():
        hops += 1
        fresh = (reached @ linked) & np.isinf(distance)
        if not fresh.any():
            raise ValueError(f"{edges}: the subgroup graph is not connected")
        distance[fresh] = hops
        reached |= fresh
    return distance.astype(np.float32)


def training_loss(
    outputs: HeadOutputs,
    crystal_system: Tensor,
    space_group: Tensor,
    lattice: Tensor,
    distances: Tensor,
    config: LossConfig,
) -> dict[str, Tensor]:
    """Each term (batch means) and their weighted sum under ``total``.

    Targets: (B,) 0…6, (B,) 0…229, (B, 6) Å and degrees; `distances` (230, 230) hops.
    """
    smoothing = config.label_smoothing
    system = F.cross_entropy(outputs.crystal_system, crystal_system, label_smoothing=smoothing)
    group = F.cross_entropy(outputs.space_group, space_group, label_smoothing=smoothing)
    probability = outputs.space_group.softmax(dim=1)
    gemd = (distances[space_group] * probability).sum(dim=1).mean()
    cell = lattice_loss(outputs, lattice, config.lattice)
    total = system + group + config.gemd * gemd + config.lattice_weight * cell
    return {"total": total, "system": system, "group": group, "gemd": gemd, "lattice": cell}


def lattice_loss(outputs: HeadOutputs, true: Tensor, kind: str) -> Tensor:
    """Of (B, 6) Å and degrees, by `LossConfig.lattice`; ValueError where a σ is wanting."""
    predicted = outputs.lattice
    if kind == "paper":
        return F.mse_loss(predicted, true)
    difference = _difference(predicted, true)
    if kind == "log":
        cost = F.smooth_l1_loss(
            difference, torch.zeros_like(difference), beta=0.1, reduction="none"
        )
        return 4 * cost[:, :3].mean() + cost[:, 3:].mean()
    if outputs.lattice_std is None:
        raise ValueError(f"loss.lattice = {kind!r} needs network.heads.sigma = true")
    std = outputs.lattice_std
    relative = torch.cat([std[:, :3] / predicted[:, :3], std[:, 3:] / ANGLE_UNIT], dim=1)
    return _negative_log_likelihood(difference, relative, kind)


def _difference(predicted: Tensor, true: Tensor) -> Tensor:
    """(B, 6) of log lengths and of angles in units of 30°."""
    lengths = predicted[:, :3].log() - true[:, :3].log()
    return torch.cat([lengths, (predicted[:, 3:] - true[:, 3:]) / ANGLE_UNIT], dim=1)


def _negative_log_likelihood(difference: Tensor, std: Tensor, kind: str) -> Tensor:
    """Mean −ln p of Gaussians or Laplacians of standard deviation `std`, but for a constant.

    Laplace: a density exp(−|x|/b) / 2b has the standard deviation √2 b.
    """
    reduced = difference / std
    if kind == "gaussian":
        return (0.5 * reduced**2 + std.log()).mean()
    return (math.sqrt(2) * reduced.abs() + std.log()).mean()


def accuracy(outputs: HeadOutputs, system: Tensor, group: Tensor) -> dict[str, float]:
    """Top-1 and top-5 shares of a batch."""
    top5 = outputs.space_group.topk(5, dim=1).indices
    return {
        "system": (outputs.crystal_system.argmax(dim=1) == system).float().mean().item(),
        "group": (top5[:, 0] == group).float().mean().item(),
        "group_top5": (top5 == group[:, None]).any(dim=1).float().mean().item(),
    }
