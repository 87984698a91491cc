"""Lines of candidate crystals against a pattern: what a judge is told of each.

Computed cells are some per cent off, so each candidate is first made larger or smaller as a whole
until its lines lie best on the pattern; what its cell is off in single directions the windows of
different widths let through.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from ._axis import POINTS
from ._lines import FINE, MARGIN
from ._profile import Seen

LARGEST_SHIFT, SHIFT_STEP = 60, 4
"""Points: by 2 % larger to 2 % smaller, in steps of 0.14 %."""
ALIGNED_BY, UNMOVED = 2, 3
"""Which of the windows a candidate is aligned with, and lines are looked up in unmoved."""
NEAR = (4, 12, 32)
"""Points within which a peak's strongest line is looked for."""
LINE_FEATURES, PEAK_FEATURES, WHOLE_FEATURES = 9, 6, 4


class Comparison(NamedTuple):
    """Of N patterns with K candidates of L lines each; P peaks."""

    lines: Tensor
    """(N, K, L, 9): the pattern's height within each window, and unmoved; the line's own strength,
    its place 0…1, and whether that is on the grid."""
    peaks: Tensor
    """(N, K, P, 6): the peak's height, how far the next line is, the strongest line within each
    of `NEAR`, and its place 0…1."""
    whole: Tensor
    """(N, K, 4): share of the lines found, moved and unmoved; how far moved; lines' strength."""
    shift: Tensor
    """(N, K) points the candidate's lines were moved by."""

    def map(self, change: Callable[[Tensor], Tensor]) -> Comparison:
        """The same, every tensor changed."""
        return Comparison(*(change(value) for value in self))


def compared(seen: Seen, place: Tensor, strength: Tensor) -> Comparison:
    """`place` and `strength` (N, K, L) as `Lines` keeps them."""
    own = strength.float() / 255
    unmoved = place.float() / FINE - MARGIN
    found, shift = _aligned(seen, unmoved, own)
    moved = unmoved + shift[:, :, None]
    on_grid = ((moved > 0) & (moved < POINTS - 1)).float()
    heights = [_height(seen.height[:, w], moved) for w in range(seen.height.shape[1])]
    heights.append(_height(seen.height[:, UNMOVED], unmoved))
    lines = torch.stack([*heights, own, moved / POINTS, on_grid], dim=3)
    total = own.sum(dim=2)
    kept = (heights[-1] * own).sum(dim=2) / total.clamp_min(1e-6)
    sizes = [found, kept, shift.abs() / LARGEST_SHIFT, total / own.shape[2]]
    return Comparison(lines, _explained(seen, moved, own), torch.stack(sizes, dim=2), shift)


def _aligned(seen: Seen, place: Tensor, own: Tensor) -> tuple[Tensor, Tensor]:
    """(N, K) share of the lines' strength found at the best shift, and that shift."""
    shifts = torch.arange(
        -LARGEST_SHIFT, LARGEST_SHIFT + 1, SHIFT_STEP, device=place.device, dtype=place.dtype
    )
    # Lines that are off the grid count neither way.
    weight = own * ((place > 0) & (place < POINTS - 1)).float()
    tried = place[:, :, None] + shifts[None, None, :, None]
    height = _height(seen.height[:, ALIGNED_BY], tried)
    found = (height * weight[:, :, None]).sum(dim=3)
    found = found / weight.sum(dim=2, keepdim=True).clamp_min(1e-6)
    best, index = found.max(dim=2)
    return best, shifts[index]


def _height(profile: Tensor, place: Tensor) -> Tensor:
    """(N, POINTS) at places (N, …)."""
    index = place.round().clamp(0, POINTS - 1).to(torch.int64)
    return profile.gather(1, index.flatten(1)).reshape(place.shape)


def _explained(seen: Seen, place: Tensor, own: Tensor) -> Tensor:
    """(N, K, P, 6): the pattern's peaks against the candidates' lines."""
    distance = (seen.place[:, None, :, None] - place[:, :, None, :]).abs()
    # A place without a line is no line.
    distance = distance + 1e4 * (own == 0).float()[:, :, None, :]
    strongest = [(own[:, :, None, :] * (distance < near).float()).amax(dim=3) for near in NEAR]
    nearest = torch.tanh(distance.amin(dim=3) / 20)
    height = seen.peak[:, None].expand_as(nearest)
    where = (seen.place / POINTS)[:, None].expand_as(nearest)
    return torch.stack([height, nearest, *strongest, where], dim=3)
