"""Learning to look a pattern up among known crystals.

Neighbourhood components analysis (Goldberger et al. 2004) over a bank of keys that an averaged
network made (He et al. 2020, momentum contrast): what is maximised is the share of a pattern's
neighbours that have its space group, and that is what the deployed graph computes.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from ._bank import KeyBank

FAR = -1e4
"""Similarity over temperature of what does not count; −∞ has no gradient."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrievalConfig:
    """Looking patterns up among the training crystals, by keys of `network.heads.keys` numbers."""

    weight: float = 0.0
    """In the loss; 0 trains no keys."""
    identity_weight: float = 0.3
    """Of finding the very crystal, beside finding its space group."""
    temperature: float = 0.05
    window: int = 32768
    """Keys that a step is compared with."""
    known_share: float = 0.5
    """Of a batch: patterns whose own crystal is among the keys; the others find none of its kin."""
    largest: float = 12.0
    """Bound of one pattern's loss."""


def retrieval_loss(
    query: Tensor, crystals: Tensor, own: Tensor, bank: KeyBank, step: int, config: RetrievalConfig
) -> dict[str, Tensor]:
    """−ln share of the neighbours with the right space group, and −ln share of the very crystal.

    `query` (B, K) of patterns of `crystals` (B,), indices into the store; `own` (b, K) fresh keys
    of the first b of them. Those find themselves; the others find nothing of their family, as if
    they were new.
    """
    rows, known = bank.row[crystals], len(own)
    first = step * config.window % max(1, len(bank.keys) - config.window)
    window = slice(first, first + config.window)
    group = torch.cat([bank.group[window], bank.group[rows[:known]]])
    family = torch.cat([bank.family[window], bank.family[rows[:known]]])
    similarity = query @ torch.cat([bank.keys[window], own]).T / config.temperature
    itself = torch.zeros_like(similarity, dtype=torch.bool)
    itself[:known, -known or len(group) :].fill_diagonal_(True)
    kin = family[None, :] == bank.family[rows][:, None]
    similarity = similarity.masked_fill(kin & ~itself, FAR)
    everything = similarity.logsumexp(dim=1)
    alike = group[None, :] == bank.group[rows][:, None]
    right = similarity.masked_fill(~alike, FAR).logsumexp(dim=1)
    answerable = right.detach() > FAR / 2
    neighbours = (everything - right)[answerable].clamp_max(config.largest).sum() / len(query)
    identity = F.relu(everything[:known] - similarity[itself]).sum() / max(1, known)
    return {"neighbours": neighbours, "identity": identity}
