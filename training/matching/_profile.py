"""A pattern as lines are compared with it: how high it is near each place, and its own peaks."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..networks import LogAxis, scale_to_unit
from ._axis import POINTS

WINDOWS = (1, 5, 13, 33, 81)
"""Points a line may be off: from its very place to 1.4 % of its d spacing on either side."""
PEAKS = 32
APART = 15
"""Points between peaks."""
FLOOR = 121
"""Points over which a peak is measured from the lowest."""


class Seen(NamedTuple):
    """Of N patterns; heights are square roots of shares of the highest point."""

    height: Tensor
    """(N, W, POINTS) highest point within each of `WINDOWS`."""
    peak: Tensor
    """(N, PEAKS) heights over the pattern near them; 0 where there are fewer peaks."""
    place: Tensor
    """(N, PEAKS) points."""


class Profile(nn.Module):
    """(N, 8192) patterns of any positive scale → what is seen in them."""

    def __init__(self) -> None:
        super().__init__()
        self.axis = LogAxis(POINTS)

    def forward(self, pattern: Tensor) -> Seen:
        """Scaled as networks scale it, so that a runtime may compute both axes once."""
        profile = self.axis(scale_to_unit(pattern))
        height = torch.stack([_highest(profile, width) for width in WINDOWS], dim=1).sqrt()
        above = profile + _highest(-profile, FLOOR)
        is_peak = (profile >= _highest(profile, APART)).float()
        peak, place = (above * is_peak).clamp_min(0).topk(PEAKS, dim=1)
        return Seen(height, peak.sqrt(), place.float())


def _highest(profile: Tensor, width: int) -> Tensor:
    """(N, POINTS) → same: largest value within `width` points."""
    if width == 1:
        return profile
    return F.max_pool1d(profile[:, None], width, stride=1, padding=width // 2)[:, 0]
