"""How well each candidate explains a pattern, and how much that counts beside the networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..retrieval import TINY, entropy
from ._compare import LINE_FEATURES, PEAK_FEATURES, WHOLE_FEATURES, Comparison

GROUPS = 230
RANKS = 50.0


@dataclass(frozen=True, slots=True)
class JudgeOptions:
    """Sizes of a judge."""

    members: int
    """Networks whose space groups it weighs."""
    width: int = 32
    hidden: int = 64


class Verdict(NamedTuple):
    """Of N patterns with K candidates."""

    group: Tensor
    """(N, 230) probabilities."""
    share: Tensor
    """(N, K) how much each candidate is believed; they sum to 1."""
    weight: Tensor
    """(N, 1) of the candidates beside the networks, 0…1."""


class Judge(nn.Module):
    """A set network: every line and every peak on its own, their means, one number a candidate."""

    def __init__(self, options: JudgeOptions) -> None:
        super().__init__()
        self.options = options
        width = options.width
        self.line = _perceptron(LINE_FEATURES, width)
        self.peak = _perceptron(PEAK_FEATURES, width)
        known = 4 * width + WHOLE_FEATURES + 4
        last = nn.Linear(options.hidden, 1)
        self.score = nn.Sequential(nn.Linear(known, options.hidden), nn.ReLU(), last)
        self.likeness = nn.Parameter(torch.tensor(30.0))
        """Of a candidate's key, in units of its score."""
        self.temperature = nn.Parameter(torch.full((options.members,), 1.4 / options.members))
        """What the members' logits are multiplied with."""
        self.bias = nn.Parameter(torch.zeros(GROUPS))
        """Of each group: networks are trained on rare ones more often than they occur."""
        self.gate = nn.Linear(5, 1)
        with torch.no_grad():
            last.weight.mul_(0.1)
            self.gate.weight.zero_()[0, 0] = 5.0
            self.gate.bias.fill_(-3.0)

    def forward(
        self,
        logits: Tensor,
        similarity: Tensor,
        group: Tensor,
        theoretical: Tensor,
        comparison: Comparison,
    ) -> Verdict:
        """Members' space-group logits (N, m, 230); of candidates (N, K), the nearest first,
        cosines, groups 0…229, and 1 where one was only computed, which makes it less likely.
        """
        weighed = (logits * self.temperature[:, None]).sum(dim=1)
        network = (weighed + self.bias).log_softmax(dim=1)
        candidates = self._scores(network, similarity, group, theoretical, comparison)
        share = candidates.softmax(dim=1)
        seen = (F.one_hot(group, GROUPS).float() * share[:, :, None]).sum(dim=1)
        own = network.exp()
        agreement = (seen * own).sum(dim=1).clamp_min(TINY).log()
        believed = (share * candidates).sum(dim=1) / 10
        features = [similarity[:, 0], entropy(seen), entropy(own), agreement, believed]
        weight = torch.sigmoid(self.gate(torch.stack(features, dim=1)))
        return Verdict(weight * seen + (1 - weight) * own, share, weight)

    def _scores(
        self,
        network: Tensor,
        similarity: Tensor,
        group: Tensor,
        theoretical: Tensor,
        comparison: Comparison,
    ) -> Tensor:
        """(N, K)."""
        lines, peaks = self.line(comparison.lines), self.peak(comparison.peaks)
        rank = torch.arange(group.shape[1], device=group.device) / RANKS
        known = [
            *(_mean(lines, comparison.lines[..., 6:7]), lines.mean(dim=2)),
            *(_mean(peaks, comparison.peaks[..., 0:1]), peaks.mean(dim=2)),
            comparison.whole,
            similarity[..., None],
            network.gather(1, group)[..., None] / 5,
            rank.expand_as(similarity)[..., None],
            theoretical.float()[..., None],
        ]
        return similarity * self.likeness + self.score(torch.cat(known, dim=2))[..., 0]


def _perceptron(given: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(given, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())


def _mean(values: Tensor, weight: Tensor) -> Tensor:
    """Over the third axis."""
    return (values * weight).sum(dim=2) / weight.sum(dim=2).clamp_min(0.1)
