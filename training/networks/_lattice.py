"""Six raw numbers of a head as a cell: three ways to write the same Niggli cell.

Each takes (…, 6) and returns (…, 6): a b c (Å) α β γ (°). Plain arithmetic, so that every runtime
knows it.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

LOG_LENGTH_MEAN, LOG_LENGTH_SCALE = 2.0, 0.4
"""ln Å; centre and spread of Niggli lengths, so that the head starts near the data."""
ANGLE_CENTRE, ANGLE_SPAN = 90.0, 60.0
"""Niggli angles lie between 60 and 120° up to reduction slack; the head reaches 30…150°."""
LONGEST, WIDEST = 500.0, 180.0
"""Å and degrees: where the paper's sigmoids end."""
SHEAR_SCALE = 0.3
"""Of the reciprocal metric's off-diagonal: raw 1 is a reciprocal angle of about 73°."""


def from_bounded(raw: Tensor) -> Tensor:
    """Sigmoids from 0 to 500 Å and to 180° (the paper's equation 4)."""
    bounded = raw.sigmoid()
    return torch.cat([LONGEST * bounded[..., :3], WIDEST * bounded[..., 3:]], dim=-1)


def from_log(raw: Tensor) -> Tensor:
    """Log lengths, and angles bounded to 30…150°."""
    lengths = torch.exp((LOG_LENGTH_MEAN + LOG_LENGTH_SCALE * raw[..., :3]).clamp(0.0, 6.2))
    angles = ANGLE_CENTRE + ANGLE_SPAN * torch.tanh(raw[..., 3:])
    return torch.cat([lengths, angles], dim=-1)


def from_reciprocal(raw: Tensor) -> Tensor:
    """The reciprocal metric G* = L Lᵀ, in which the positions of lines, 1/d² = hᵀ G* h, are linear.

    L is lower triangular with exponentials on its diagonal, so any six numbers are a cell.
    """
    diagonal = torch.exp(-(LOG_LENGTH_MEAN + LOG_LENGTH_SCALE * raw[..., :3]).clamp(0.0, 6.2))
    p, q, r = diagonal.unbind(-1)
    u, v, w = (SHEAR_SCALE * raw[..., 3:]).unbind(-1)
    # Rows of L⁻¹, of which the direct basis is made: G = L⁻ᵀ L⁻¹.
    first, second, third = 1 / p, 1 / q, 1 / r
    lower, last = -u / p, -w / q
    corner = (u * w - v) / p
    aa = first * first + lower * lower + corner * corner
    bb = second * second + last * last
    cc = third * third
    ab = second * lower + last * corner
    ac, bc = third * corner, third * last
    a, b, c = aa.sqrt(), bb.sqrt(), cc.sqrt()
    cosines = torch.stack([bc / (b * c), ac / (a * c), ab / (a * b)], dim=-1)
    # The slope of acos has no end at ±1.
    angles = torch.rad2deg(torch.acos(cosines.clamp(-0.999, 0.999)))
    return torch.cat([torch.stack([a, b, c], dim=-1), angles], dim=-1)


FORMS: dict[str, Callable[[Tensor], Tensor]] = {
    "bounded": from_bounded,
    "log": from_log,
    "reciprocal": from_reciprocal,
}
