"""Calibration on held-out simulated patterns: temperatures, spreads and the embedding's domain."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from alphadiffract_stream.prediction import distances

from ..networks import HeadOutputs
from ..patterns import SYSTEM_LIMITS


@dataclass(frozen=True, slots=True)
class Calibration:
    """What is baked into the graph, and what its card says."""

    system_temperature: float = 1.0
    group_temperature: float = 1.0
    group_share: float = 0.5
    """Weight of the space-group head in the crystal system."""
    lattice_std: tuple[float, ...] = (0.0,) * 6
    """68 % quantile of the absolute error on validation, Å and degrees."""
    domain_mean: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    domain_std: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    domain_threshold: float = 0.0


def calibrate(
    outputs: list[HeadOutputs], system: Tensor, group: Tensor, lattice: Tensor
) -> Calibration:
    """Fit to members' outputs on the same held-out patterns; labels as in training.

    Temperatures minimise the negative log-likelihood of each head (all members pooled); the share
    of the group head in the system is the best of a grid.
    """
    pooled_system = torch.cat([o.crystal_system for o in outputs])
    pooled_group = torch.cat([o.space_group for o in outputs])
    t_system = _temperature(pooled_system, system.repeat(len(outputs)))
    t_group = _temperature(pooled_group, group.repeat(len(outputs)))
    sums = system_sums()
    best_share, best_loss = 0.5, float("inf")
    for share in np.linspace(0, 1, 11):
        trial = Calibration(t_system, t_group, float(share))
        probability = torch.stack(
            [agreed_probabilities(o.crystal_system, o.space_group, sums, trial)[0] for o in outputs]
        ).mean(dim=0)
        loss = F.nll_loss(probability.clamp_min(1e-9).log(), system).item()
        if loss < best_loss:
            best_share, best_loss = float(share), loss
    mean_lattice = torch.stack([o.lattice for o in outputs]).mean(dim=0)
    error = (mean_lattice - lattice).abs().numpy()
    embedding = torch.stack([o.embedding for o in outputs]).mean(dim=0).numpy()
    mean, std = embedding.mean(axis=0), embedding.std(axis=0) + 1e-3
    distance = distances(embedding, mean.tolist(), std.tolist())
    return Calibration(
        t_system,
        t_group,
        best_share,
        tuple(float(v) for v in np.quantile(error, 0.683, axis=0)),
        mean,
        std,
        float(np.quantile(distance, 0.999)),
    )


def system_sums() -> Tensor:
    """(230, 7) ones where a space group belongs to a crystal system."""
    limits = torch.from_numpy(SYSTEM_LIMITS)
    return F.one_hot(torch.bucketize(torch.arange(1, 231), limits), 7).float()


def agreed_probabilities(
    system_logits: Tensor, group_logits: Tensor, sums: Tensor, calibration: Calibration
) -> tuple[Tensor, Tensor]:
    """(N, 7) and (N, 230) probabilities of which the first is the sum of the second."""
    group = (group_logits / calibration.group_temperature).softmax(dim=1)
    own = (system_logits / calibration.system_temperature).log_softmax(dim=1)
    summed = (group @ sums).clamp_min(1e-9)
    share = calibration.group_share
    system = ((1 - share) * own + share * summed.log()).softmax(dim=1)
    return system, group * ((system / summed) @ sums.T)


def _temperature(logits: Tensor, target: Tensor) -> float:
    """T that minimises cross-entropy(logits / T)."""
    log_t = nn.Parameter(torch.zeros(()))
    optimizer = torch.optim.LBFGS([log_t], lr=0.5, max_iter=50)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(logits / log_t.exp(), target)
        loss.backward()
        return loss

    optimizer.step(closure)
    return float(log_t.exp().detach())
