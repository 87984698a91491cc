"""What the whole ensemble reaches on held-out patterns, for its card."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..networks import HeadOutputs
from ..patterns import Batch
from ._graph import DeployedEnsemble, combined


def held_out_metrics(graph: DeployedEnsemble, outputs: HeadOutputs, batch: Batch) -> dict[str, Any]:
    """Shares 0…1, Å and degrees, of the ensemble's answers; `outputs` (M, N, ·) of its members.

    The lattice's σ is here the graph's alone, without what a card adds to it.
    """
    with torch.no_grad():
        system, _, group, _, lattice, lattice_std, _ = combined(graph, outputs)
    error = (lattice - batch.lattice).abs()
    top5 = group.topk(5, dim=1).indices
    row: dict[str, Any] = {
        "patterns": len(batch),
        "val_system": _share(system.argmax(dim=1) == batch.crystal_system),
        "val_group": _share(top5[:, 0] == batch.space_group),
        "val_group_top5": _share((top5 == batch.space_group[:, None]).any(dim=1)),
        "val_system_nll": _nll(system, batch.crystal_system),
        "val_group_nll": _nll(group, batch.space_group),
        "val_length_mae": round(error[:, :3].mean().item(), 4),
        "val_angle_mae": round(error[:, 3:].mean().item(), 4),
    }
    if graph.predicts_lattice_std:
        row["val_lattice_within_std"] = _share(error <= lattice_std)
    if len(outputs.lattice) > 1:
        own = [(g.argmax(dim=1) == batch.space_group) for g in outputs.space_group]
        row["val_group_each_member"] = [_share(right) for right in own]
    return row


def _share(right: Tensor) -> float:
    return round(right.float().mean().item(), 4)


def _nll(probability: Tensor, target: Tensor) -> float:
    picked = probability.gather(1, target[:, None]).clamp_min(1e-9)
    return round(-picked.log().mean().item(), 4)
