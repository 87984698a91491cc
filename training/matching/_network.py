"""Networks, their common memory and the judge of what is found there, as one network."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..networks import HeadOutputs, LogAxis
from ..patterns import system_sums
from ..retrieval import TINY, Neighbours, median_cell
from ._axis import STEP
from ._compare import compared
from ._joint import JointNetwork
from ._judge import Judge
from ._lines import Lines
from ._preselect import likeliest
from ._profile import Profile


class WithMatching(nn.Module):
    """(N, 8192) → `HeadOutputs` with a σ of each lattice; logits are log probabilities."""

    system_sums: Tensor
    place: Tensor
    strength: Tensor
    share: Tensor
    theoretical: Tensor

    def __init__(
        self,
        network: JointNetwork,
        neighbours: Neighbours,
        lines: Lines,
        judge: Judge,
        candidates: int,
    ) -> None:
        """candidates: of the neighbours, how many are compared line by line."""
        super().__init__()
        self.network, self.neighbours, self.judge = network, neighbours, judge
        self.candidates = min(candidates, neighbours.count)
        self.profile = Profile()
        _share_axis(network, self.profile)
        self.register_buffer("place", torch.from_numpy(lines.place), persistent=False)
        self.register_buffer("strength", torch.from_numpy(lines.strength), persistent=False)
        self.register_buffer("share", torch.from_numpy(lines.share), persistent=False)
        self.register_buffer("theoretical", torch.from_numpy(lines.theoretical), persistent=False)
        self.register_buffer("system_sums", system_sums(), persistent=False)

    def forward(self, pattern: Tensor) -> HeadOutputs:
        """The nearest crystals are looked up, compared line by line, and weighed."""
        own = self.network.answers(pattern)
        seen, found = self.profile(pattern), self.neighbours(own.key)
        if self.candidates < self.neighbours.count:
            place, strength = self.place[found.crystal], self.strength[found.crystal]
            order = likeliest(seen, found.similarity, place, strength, self.candidates)
            found = found.take(order)
        # Gathered as they are kept, so that little is moved.
        kept = (part[found.crystal] for part in (self.place, self.strength, self.share))
        comparison = compared(seen, *kept)
        theoretical = self.theoretical[found.crystal][..., 0]
        verdict = self.judge(own.logits, found.similarity, found.group, theoretical, comparison)
        believed = verdict.share * verdict.group.gather(1, found.group)
        believed = believed / believed.sum(dim=1, keepdim=True).clamp_min(TINY)
        # Lines moved to larger q are those of a smaller cell.
        factor = torch.exp(-STEP * comparison.shift)[:, :, None]
        lengths, angles = found.lattice[..., :3] * factor, found.lattice[..., 3:]
        cells = torch.cat([lengths, angles], dim=2)
        lattice, std = median_cell(cells, believed, own.lattice, verdict.weight)
        system = verdict.group @ self.system_sums
        return HeadOutputs(
            system.clamp_min(TINY).log(),
            verdict.group.clamp_min(TINY).log(),
            lattice,
            own.embedding,
            std,
        )


def _share_axis(network: JointNetwork, profile: Profile) -> None:
    """One axis for the judge and all members that have the same one.

    ONNX Runtime then finds it computed several times and does so once: 55 µs a pattern each.
    """
    for member in network.members:
        axis = getattr(member, "axis", None)
        if isinstance(axis, LogAxis) and axis.index.shape == profile.axis.index.shape:
            member.axis = profile.axis
