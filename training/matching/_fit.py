"""Training a judge: minutes on a CPU, some ten thousand numbers."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from ..retrieval import TINY
from ._judge import Judge, JudgeOptions, Verdict
from ._queries import Queries

BATCH = 64
PEAK_RATE = 2e-3
WARM_UP = 50
IDENTITY = 0.2
"""Of believing the very crystal, beside finding its space group."""
HOPELESS = -9.0
"""ln of the least probability that counts: a pattern nobody could know must not rule the fit."""


def fit_judge(
    queries: Queries,
    *,
    epochs: int = 5,
    seed: int = 0,
    progress: Callable[[float], None] = lambda loss: None,
) -> Judge:
    """The judge that gives the space groups of `queries` the greatest likelihood.

    `progress` is told each step's loss; there are ``epochs · (len(queries) // 64)``.
    """
    torch.manual_seed(seed)
    judge = Judge(JudgeOptions(members=queries.logits.shape[1]))
    optimizer = torch.optim.AdamW(judge.parameters(), PEAK_RATE, weight_decay=1e-3)
    size = min(BATCH, len(queries))
    steps = epochs * (len(queries) // size)
    step = 0
    for _ in range(epochs):
        order = torch.randperm(len(queries))
        for first in range(0, len(queries) - size + 1, size):
            rate = PEAK_RATE * min(1.0, step / WARM_UP) * (1 + math.cos(math.pi * step / steps)) / 2
            for group in optimizer.param_groups:
                group["lr"] = rate
            batch = queries.take(order[first : first + size])
            loss = _loss(judged(judge, batch), batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
            progress(loss.item())
    return judge.requires_grad_(False).eval()


def judged(judge: Judge, queries: Queries) -> Verdict:
    """What `judge` says of `queries`."""
    return judge(
        queries.logits,
        queries.similarity,
        queries.candidate_group,
        queries.theoretical,
        queries.comparison,
    )


def _loss(verdict: Verdict, queries: Queries) -> Tensor:
    right = F.nll_loss(verdict.group.clamp_min(TINY).log().clamp_min(HOPELESS), queries.group)
    found = queries.itself.any(dim=1)
    itself = (verdict.share * queries.itself).sum(dim=1)[found].clamp_min(1e-5)
    return right - IDENTITY * itself.log().sum() / len(queries)
