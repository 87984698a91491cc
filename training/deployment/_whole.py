"""Calibration of the ensemble as a whole: a mean of calibrated members is too timid."""

from __future__ import annotations

from dataclasses import replace
from operator import itemgetter

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..networks import HeadOutputs
from ._calibrate import Calibration, calibrate
from ._graph import DeployedEnsemble, total_std

SHARE = 0.683
"""Of the errors within one σ."""
FACTORS = np.geomspace(0.5, 1.25, 19)
"""Of the members' temperatures, tried for the ensemble's mean."""


def calibrate_whole(
    outputs: HeadOutputs, system: Tensor, group: Tensor, lattice: Tensor
) -> tuple[Calibration, tuple[float, ...] | None]:
    """Fit to members' outputs (M, N, ·) on held-out patterns; labels (N,), (N,), (N, 6).

    Temperatures are the members' times one factor that makes the mean's likelihood greatest. Of
    the lattice, 68.3 % of errors lie within one σ: by a σ added to the members' spread, or, where
    members predict theirs, by the factors returned beside (else None).
    """
    members = range(outputs.lattice.shape[0])
    each = [outputs.map(itemgetter(i)) for i in members]
    calibration = calibrate(each, system, group, lattice)
    if len(each) > 1:
        calibration = _sharpened(calibration, outputs, system, group)
    spread = outputs.lattice.std(dim=0, correction=0)
    error = (outputs.lattice.mean(dim=0) - lattice).abs()
    if outputs.lattice_std is not None:
        ratio = error / total_std(spread, outputs.lattice_std).clamp_min(1e-6)
        return calibration, _quantiles(ratio)
    missing = _quantiles(error**2 - spread**2)
    return replace(calibration, lattice_std=tuple(max(0.0, v) ** 0.5 for v in missing)), None


def _sharpened(
    calibration: Calibration, outputs: HeadOutputs, system: Tensor, group: Tensor
) -> Calibration:
    def scaled(factor: float) -> Calibration:
        return replace(
            calibration,
            system_temperature=calibration.system_temperature * factor,
            group_temperature=calibration.group_temperature * factor,
        )

    def loss(factor: float) -> float:
        graph = DeployedEnsemble([torch.nn.Identity()], scaled(factor))
        means = [p.mean(dim=0) for p in graph.agreed(outputs.crystal_system, outputs.space_group)]
        return sum(
            F.nll_loss(p.clamp_min(1e-9).log(), target).item()
            for p, target in zip(means, (system, group), strict=True)
        )

    return scaled(float(min(FACTORS, key=loss)))


def _quantiles(values: Tensor) -> tuple[float, ...]:
    return tuple(float(v) for v in np.quantile(values.numpy(), SHARE, axis=0))
