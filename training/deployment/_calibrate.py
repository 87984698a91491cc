"""Calibration on held-out simulated patterns: temperatures, spreads and the embedding's domain."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from alphadiffract_stream.prediction import distances

from ..networks import HeadOutputs
from ..patterns import system_sums
from ._prior import PriorShift

LARGEST_LOG = 3.0
"""|ln T| beyond this is no calibration but too few patterns."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What is baked into the graph, and what its card says."""

    system_temperature: float = 1.0
    group_temperature: float = 1.0
    group_share: float = 0.5
    """Weight of the space-group head in the crystal system. On the compact network it comes out as
    1: a linear head of seven classes says nothing that the 230 do not say better (decision 4)."""
    lattice_std: tuple[float, ...] = (0.0,) * 6
    """68 % quantile of the absolute error on validation, Å and degrees."""
    domain_mean: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    domain_std: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    domain_threshold: float = 0.0
    prior: str = "training"
    """The prior the probabilities are for; see `prior_shift`."""
    prior_strength: float = 0.0
    """How much of the way from the trained prior was gone: 0 none, 1 all."""
    group_bias: tuple[float, ...] = ()
    """(230,) added to the space-group logits after the temperature; empty for none."""
    system_bias: tuple[float, ...] = ()
    """(7,) the same of the crystal-system head."""


def calibrate(
    outputs: list[HeadOutputs],
    system: Tensor,
    group: Tensor,
    lattice: Tensor,
    shift: PriorShift | None = None,
    strength: float | None = None,
) -> Calibration:
    """Fit to members' outputs on the same held-out patterns; labels as in training.

    As `fit_probabilities`; of the lattice the usual error, of the embedding the usual range.
    """
    mean_lattice = torch.stack([o.lattice for o in outputs]).mean(dim=0)
    error = (mean_lattice - lattice).abs().numpy()
    embedding = torch.stack([o.embedding for o in outputs]).mean(dim=0).numpy()
    mean, std = embedding.mean(axis=0), embedding.std(axis=0) + 1e-3
    distance = distances(embedding, mean.tolist(), std.tolist())
    return replace(
        fit_probabilities(outputs, system, group, shift, strength),
        lattice_std=tuple(float(v) for v in np.quantile(error, 0.683, axis=0)),
        domain_mean=mean,
        domain_std=std,
        domain_threshold=float(np.quantile(distance, 0.999)),
    )


def fit_probabilities(
    outputs: list[HeadOutputs],
    system: Tensor,
    group: Tensor,
    shift: PriorShift | None = None,
    strength: float | None = None,
) -> Calibration:
    """Temperatures, share and prior correction that make the labels most likely.

    system (N,) 0…6, group (N,) 0…229. Temperatures are those of the members' mean, not of each
    member: a mean of calibrated members is too timid. `strength` of the correction is fitted with
    the groups' temperature unless given; the share of the group head in the system is the best of
    a grid.
    """
    group_logits = torch.stack([o.space_group for o in outputs])
    system_logits = torch.stack([o.crystal_system for o in outputs])
    bias = torch.zeros(230) if shift is None else torch.from_numpy(shift.group)
    system_bias = torch.zeros(7) if shift is None else torch.from_numpy(shift.system)
    t_group, used = _fit(group_logits, group, bias, 0.0 if shift is None else strength)
    t_system, _ = _fit(system_logits, system, system_bias, used)
    fitted = Calibration(t_system, t_group)
    if shift is not None and used:
        fitted = replace(
            fitted,
            prior=shift.target,
            prior_strength=used,
            group_bias=tuple((used * bias).tolist()),
            system_bias=tuple((used * system_bias).tolist()),
        )
    sums = system_sums()

    def loss(share: float) -> float:
        trial = replace(fitted, group_share=share)
        each = [agreed_probabilities(*heads(o), sums, trial)[0] for o in outputs]
        mean = torch.stack(each).mean(dim=0)
        return F.nll_loss(mean.clamp_min(1e-9).log(), system).item()

    return replace(fitted, group_share=min((float(v) for v in np.linspace(0, 1, 11)), key=loss))


def heads(outputs: HeadOutputs) -> tuple[Tensor, Tensor]:
    """The logits of both classes."""
    return outputs.crystal_system, outputs.space_group


def agreed_probabilities(
    system_logits: Tensor, group_logits: Tensor, sums: Tensor, calibration: Calibration
) -> tuple[Tensor, Tensor]:
    """(N, 7) and (N, 230) probabilities of which the first is the sum of the second."""
    own_logits = _shifted(system_logits, calibration.system_temperature, calibration.system_bias)
    group = _shifted(group_logits, calibration.group_temperature, calibration.group_bias)
    group, own = group.softmax(dim=1), own_logits.log_softmax(dim=1)
    summed = (group @ sums).clamp_min(1e-9)
    share = calibration.group_share
    system = ((1 - share) * own + share * summed.log()).softmax(dim=1)
    return system, group * ((system / summed) @ sums.T)


def _shifted(logits: Tensor, temperature: float, bias: tuple[float, ...]) -> Tensor:
    scaled = logits / temperature
    return scaled + torch.tensor(bias, device=logits.device) if bias else scaled


def _fit(
    logits: Tensor, target: Tensor, bias: Tensor, strength: float | None
) -> tuple[float, float]:
    """T and k that make the mean over members of softmax(logits / T + k · bias) most likely.

    logits (M, N, K); k stays at `strength` where that is given, and in 0…1.
    """
    log_t = nn.Parameter(torch.zeros(()))
    k = nn.Parameter(torch.tensor(0.5 if strength is None else strength))
    fitted = [log_t] if strength is not None else [log_t, k]
    optimizer = torch.optim.LBFGS(fitted, max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        # A handful of patterns, all right, would want a temperature of zero.
        temperature = log_t.clamp(-LARGEST_LOG, LARGEST_LOG).exp()
        each = (logits / temperature + k * bias).log_softmax(dim=2)
        mean = each.logsumexp(dim=0) - float(np.log(len(logits)))
        loss = F.nll_loss(mean, target)
        loss.backward()
        return loss

    optimizer.step(closure)
    found = float(k.detach())
    if strength is None and not 0 <= found <= 1:
        return _fit(logits, target, bias, min(max(found, 0.0), 1.0))
    return float(log_t.detach().clamp(-LARGEST_LOG, LARGEST_LOG).exp()), found
