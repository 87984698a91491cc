"""The paper's equation (6): two cross-entropies, the graph earth mover's distance, the lattice."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ..networks import HeadOutputs
from ._config import LossConfig


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
    cell = _lattice_loss(outputs.lattice, lattice, config.lattice)
    total = system + group + config.gemd * gemd + config.lattice_weight * cell
    return {"total": total, "system": system, "group": group, "gemd": gemd, "lattice": cell}


def _lattice_loss(predicted: Tensor, true: Tensor, kind: str) -> Tensor:
    if kind == "paper":
        return F.mse_loss(predicted, true)
    lengths = F.smooth_l1_loss(predicted[:, :3].log(), true[:, :3].log(), beta=0.1)
    angles = F.smooth_l1_loss(predicted[:, 3:] / 30, true[:, 3:] / 30, beta=0.1)
    return 4 * lengths + angles


def accuracy(outputs: HeadOutputs, system: Tensor, group: Tensor) -> dict[str, float]:
    """Top-1 and top-5 shares of a batch."""
    top5 = outputs.space_group.topk(5, dim=1).indices
    return {
        "system": (outputs.crystal_system.argmax(dim=1) == system).float().mean().item(),
        "group": (top5[:, 0] == group).float().mean().item(),
        "group_top5": (top5 == group[:, None]).any(dim=1).float().mean().item(),
    }
