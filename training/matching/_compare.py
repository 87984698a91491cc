"""Lines of candidate crystals against a pattern: what a judge is told of each.

Computed cells are some per cent off, and so are those of solid solutions: each candidate is first
made larger or smaller as a whole until its lines lie best on the pattern, then along each axis that
its symmetry leaves free, then in its angles. What is left the windows of different widths let
through.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from ._axis import POINTS
from ._lines import FINE, MARGIN, NONE, SHARES
from ._profile import Seen

LARGEST_SHIFT, SHIFT_STEP = 60, 4
"""Points: by 2 % larger to 2 % smaller, in steps of 0.14 %."""
ALONE, ALONE_STEP, RELUCTANCE = 40, 8, 0.01 / 40
"""As far, in such steps, is one axis or all angles stretched; each point must find so much more."""
ALIGNED_BY, UNMOVED = 2, 3
"""Which of the windows a candidate is aligned with, and lines are looked up in unmoved."""
NEAR = (4, 12, 32)
"""Points within which a peak's strongest line is looked for."""
LINE_FEATURES, PEAK_FEATURES, WHOLE_FEATURES = 9, 6, 6


class Comparison(NamedTuple):
    """Of N patterns with K candidates of L lines each; P peaks."""

    lines: Tensor
    """(N, K, L, 9): the pattern's height within each window, and unmoved; the line's own strength,
    its place 0…1, and whether that is on the grid."""
    peaks: Tensor
    """(N, K, P, 6): the peak's height, how far the next line is, the strongest line within each
    of `NEAR`, and its place 0…1."""
    whole: Tensor
    """(N, K, 6): share of the lines found moved as a whole, along each axis too, and unmoved; how
    far moved as a whole, and beyond; lines' strength."""
    shift: Tensor
    """(N, K) points the candidate's lines were moved by as a whole."""

    def map(self, change: Callable[[Tensor], Tensor]) -> Comparison:
        """The same, every tensor changed."""
        return Comparison(*(change(value) for value in self))


def compared(seen: Seen, place: Tensor, strength: Tensor, share: Tensor) -> Comparison:
    """`place`, `strength` (N, K, L) and `share` (N, K, L, 3) as `Lines` keeps them."""
    own = strength.float() / 255
    unmoved = place.float() / FINE - MARGIN
    profile = seen.height[:, ALIGNED_BY]
    shifts = torch.arange(-LARGEST_SHIFT, LARGEST_SHIFT + 1, SHIFT_STEP, dtype=torch.float32)
    steps = shifts.to(place.device)[:, None]
    found, best = found_at(profile, unmoved, steps, weights_of(own, unmoved)).max(dim=2)
    shift = steps[best, 0]
    moved = unmoved + shift[:, :, None]
    moved, better, further = _along_axes(profile, moved, weights_of(own, moved), share)
    on_grid = _on_grid(moved)
    heights = [_height(seen.height[:, w], moved) for w in range(seen.height.shape[1])]
    heights.append(_height(seen.height[:, UNMOVED], unmoved))
    lines = torch.stack([*heights, own, moved / POINTS, on_grid], dim=3)
    total = own.sum(dim=2)
    kept = (heights[-1] * own).sum(dim=2) / total.clamp_min(1e-6)
    moves = [shift.abs() / LARGEST_SHIFT, further / LARGEST_SHIFT]
    sizes = [found, better, kept, *moves, total / own.shape[2]]
    return Comparison(lines, _explained(seen, moved, own), torch.stack(sizes, dim=2), shift)


def _along_axes(
    profile: Tensor, place: Tensor, weight: Tensor, share: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Places with each axis and then the angles stretched to where lines lie best; what is found
    there (N, K), less what stretching costs; and how far lines were moved, all steps together.
    """
    stretches = torch.arange(-ALONE, ALONE + 1, ALONE_STEP, dtype=torch.float32).to(place.device)
    costs = RELUCTANCE * stretches.abs()
    axes = (share.float() - NONE) / SHARES
    further = torch.zeros_like(place[:, :, 0])
    better = further
    for direction in (*axes.unbind(dim=3), 1 - axes.sum(dim=3)):
        steps = stretches[:, None] * direction[:, :, None]
        better, best = (found_at(profile, place, steps, weight) - costs).max(dim=2)
        stretch = stretches[best]
        place = place + stretch[:, :, None] * direction
        further = further + stretch.abs()
    return place, better, further


def found_at(profile: Tensor, place: Tensor, steps: Tensor, weight: Tensor) -> Tensor:
    """(N, K, S) share of the lines' strength found at each of S `steps` from `place` (N, K, L)."""
    height = _height(profile, place[:, :, None] + steps)
    return torch.matmul(height, weight[..., None])[..., 0]


def weights_of(own: Tensor, place: Tensor) -> Tensor:
    """(N, K, L) of the lines, 1 together; those that are off the grid count neither way."""
    weight = own * _on_grid(place)
    return weight / weight.sum(dim=2, keepdim=True).clamp_min(1e-6)


def _on_grid(place: Tensor) -> Tensor:
    return ((place > 0) & (place < POINTS - 1)).float()


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
