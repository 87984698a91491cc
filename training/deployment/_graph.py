"""The deployed graph: every member, the calibration and the ensemble statistics in one module."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from alphadiffract_stream.prediction import SIGNATURE

from ..ensembles import FusedMembers, Members
from ..networks import HeadOutputs
from ._calibrate import Calibration, agreed_probabilities, system_sums


class DeployedEnsemble(nn.Module):
    """Members in, the network signature out (mean and standard deviation over members).

    Each member's space-group and crystal-system heads are made to agree before they are averaged:
    the system is the (calibrated) geometric mean of its own head and of the groups' sum, and the
    groups of a system share its probability.

    `lattice_scale` (6,): where members give a σ of each pattern's lattice, what the total σ, the
    root of members' variance + mean predicted variance, is multiplied with (decision 11).
    """

    system_sums: Tensor
    lattice_scale: Tensor | None

    def __init__(
        self,
        members: Sequence[nn.Module] | Members | FusedMembers,
        calibration: Calibration,
        lattice_scale: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        alone = isinstance(members, Members | FusedMembers)
        self.members: Members | FusedMembers = members if alone else Members(members)
        self.calibration = calibration
        self.register_buffer("system_sums", system_sums(), persistent=False)
        scale = None if lattice_scale is None else torch.tensor(lattice_scale, dtype=torch.float32)
        self.register_buffer("lattice_scale", scale, persistent=False)

    @property
    def predicts_lattice_std(self) -> bool:
        """Whether `lattice_std` is the whole uncertainty, not the members' spread alone."""
        return self.lattice_scale is not None

    def forward(self, pattern: Tensor) -> tuple[Tensor, ...]:
        """(N, 8192) → the tensors of `SIGNATURE`, in its order."""
        return combined(self, self.members(pattern))

    def agreed(self, system_logits: Tensor, group_logits: Tensor) -> tuple[Tensor, Tensor]:
        """(M, N, ·) logits → (M, N, ·) probabilities."""
        count = system_logits.shape[0]
        pair = agreed_probabilities(
            system_logits.flatten(0, 1),
            group_logits.flatten(0, 1),
            self.system_sums,
            self.calibration,
        )
        system, group = (p.reshape(count, -1, p.shape[-1]) for p in pair)
        return system, group


def combined(graph: DeployedEnsemble, outputs: HeadOutputs) -> tuple[Tensor, ...]:
    """Members' outputs (M, N, ·) → the tensors of `SIGNATURE`."""
    system, group = graph.agreed(outputs.crystal_system, outputs.space_group)
    lattice, lattice_std = _mean_and_std(outputs.lattice)
    if graph.lattice_scale is not None:
        lattice_std = graph.lattice_scale * total_std(lattice_std, outputs.lattice_std)
    return (
        *_mean_and_std(system),
        *_mean_and_std(group),
        lattice,
        lattice_std,
        outputs.embedding[0] if len(outputs.embedding) == 1 else outputs.embedding.mean(dim=0),
    )


def total_std(spread: Tensor, predicted: Tensor | None) -> Tensor:
    """√(members' variance + mean predicted variance): (N, 6) and (M, N, 6) → (N, 6)."""
    if predicted is None:
        raise ValueError("lattice_scale is for members that give a σ (network.heads.sigma)")
    if predicted.shape[0] == 1:
        return predicted[0]
    return (spread**2 + (predicted**2).mean(dim=0)).sqrt()


def _mean_and_std(values: Tensor) -> tuple[Tensor, Tensor]:
    """Over members (M, N, K); the deviation of one member is 0."""
    if values.shape[0] == 1:  # without a score of operations on numbers that are known
        return values[0], torch.zeros_like(values[0])
    mean = values.mean(dim=0)
    return mean, ((values - mean) ** 2).mean(dim=0).sqrt()


OUTPUT_NAMES = tuple(SIGNATURE)
