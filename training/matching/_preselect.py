"""Which of the crystals that were looked up are worth comparing line by line."""

from __future__ import annotations

import torch
from torch import Tensor

from ._compare import ALIGNED_BY, LARGEST_SHIFT, found_at, weights_of
from ._lines import FINE, MARGIN
from ._profile import Seen

STRONGEST, SHIFT_STEP = 8, 8
"""Lines of each crystal, and points: a quarter of the comparison's work for each."""
WEIGHT = 0.5
"""Of the lines found beside the keys' cosine. Known crystals among 20 of 100 so chosen: 58.9 %, by
the key alone 56.9 %; 0.3 and 0.6 give the same."""


def likeliest(
    seen: Seen, similarity: Tensor, place: Tensor, strength: Tensor, count: int
) -> Tensor:
    """(N, count) positions among P crystals, the likeliest first, by their keys and by how much of
    their strongest lines the pattern has once they are made larger or smaller as a whole.

    similarity (N, P) cosines; place and strength (N, P, L) as `Lines` keeps them.
    """
    own = strength[..., :STRONGEST].float() / 255
    where = place[..., :STRONGEST].float() / FINE - MARGIN
    steps = torch.arange(-LARGEST_SHIFT, LARGEST_SHIFT + 1, SHIFT_STEP, dtype=torch.float32)
    profile = seen.height[:, ALIGNED_BY]
    shares = found_at(profile, where, steps.to(where.device)[:, None], weights_of(own, where))
    return (similarity + WEIGHT * shares.amax(dim=2)).topk(count, dim=1).indices
