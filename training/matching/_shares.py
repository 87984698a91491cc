"""How often a judge is right, and how often it could be."""

from __future__ import annotations

import torch

from ._fit import judged
from ._judge import Judge
from ._queries import Queries

SIZE = 256


def shares_right(judge: Judge, queries: Queries) -> dict[str, float]:
    """Shares of patterns whose space group is right: by the nearest key, among the candidates, and
    as judged.
    """
    right = []
    for first in range(0, len(queries), SIZE):
        part = queries.take(slice(first, first + SIZE))
        right.append(judged(judge, part).group.argmax(dim=1) == part.group)
    alike = queries.candidate_group == queries.group[:, None]
    shares = {
        "nearest key": alike[:, 0],
        "among the candidates": alike.any(dim=1),
        "judged": torch.cat(right),
    }
    return {name: round(float(values.float().mean()), 4) for name, values in shares.items()}
