"""Counting and electronic noise, equations (1)–(3) of the paper."""

from __future__ import annotations

import torch
from torch import Tensor


def add_noise(
    values: Tensor,
    lambda_max: Tensor,
    sigma_rel: Tensor,
    generator: torch.Generator,
    valid: Tensor | None = None,
) -> Tensor:
    """Noisy (B, n), up to the final scale: the network scales each pattern itself.

    Counts of expectation λmax at the strongest point, scaled to 0 … 1, then a Gaussian of σrel.
    valid: (B, n) False at points that are not there.
    """
    there = torch.ones_like(values, dtype=torch.bool) if valid is None else valid
    peak = torch.where(there, values, 0.0).amax(dim=1, keepdim=True)
    scale = lambda_max.float()[:, None] / peak.clamp_min(1e-30)
    counts = torch.poisson((values * scale).clamp_min(0.0), generator=generator)
    low = torch.where(there, counts, torch.inf).amin(dim=1, keepdim=True)
    high = torch.where(there, counts, -torch.inf).amax(dim=1, keepdim=True)
    normal = torch.randn(values.shape, device=values.device, generator=generator)
    noisy = (counts - low) / (high - low) + sigma_rel.float()[:, None] * normal
    return torch.where(peak > 0, torch.where(high > low, noisy, counts), values)
