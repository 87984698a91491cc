"""Preferred orientation."""

from __future__ import annotations

import torch
from torch import Tensor


def march_dollase(
    hkl: Tensor,
    inverse_d2: Tensor,
    owner: Tensor,
    *,
    g_star: Tensor,
    axis: Tensor,
    r: Tensor,
    rotations: Tensor,
    equivalents: Tensor,
) -> Tensor:
    """Mean of (r² cos²α + sin²α / r)^(−3/2) over the equivalents of each hkl (R, 3); (R,).

    owner (R,): the phase each is of; for the n phases: g_star (n, 3, 3), axis and r of the
    texture, Laue rotations (n, 24, 3, 3) and how many of them count. Dollase (1986)
    J. Appl. Cryst. 19, 267.
    """
    image = (g_star * axis[:, None, :]).sum(dim=2)
    length = (axis * image).sum(dim=1).sqrt()
    # (n, 24, 3): what hkl is multiplied with so that each of its equivalents meets the axis.
    images = (rotations * image[:, None, None, :]).sum(dim=3) / length[:, None, None]
    images = images.float()
    h = hkl.float()
    dot = h[:, 0:1] * images[owner, :, 0]
    dot += h[:, 1:2] * images[owner, :, 1]
    dot += h[:, 2:3] * images[owner, :, 2]
    cosine2 = (dot * dot / inverse_d2.float()[:, None]).clamp_max(1.0)
    sharpness = r.float()[owner, None]
    density = (sharpness**2 * cosine2 + (1 - cosine2) / sharpness) ** -1.5
    used = torch.arange(images.shape[1], device=hkl.device) < equivalents[:, None]
    return (density * used[owner]).sum(dim=1) / equivalents[owner]
