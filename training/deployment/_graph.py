"""The deployed graph: every member, the calibration and the ensemble statistics in one module."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from alphadiffract_stream.prediction import SIGNATURE

from ._calibrate import Calibration, agreed_probabilities, system_sums


class DeployedEnsemble(nn.Module):
    """Members in, the network signature out (mean and standard deviation over members).

    Each member's space-group and crystal-system heads are made to agree before they are averaged:
    the system is the (calibrated) geometric mean of its own head and of the groups' sum, and the
    groups of a system share its probability.
    """

    system_sums: Tensor

    def __init__(self, members: list[nn.Module], calibration: Calibration) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.calibration = calibration
        self.register_buffer("system_sums", system_sums(), persistent=False)

    def forward(self, pattern: Tensor) -> tuple[Tensor, ...]:
        """(N, 8192) → the tensors of `SIGNATURE`, in its order."""
        outputs = [member(pattern) for member in self.members]
        pairs = [self._agreed(o.crystal_system, o.space_group) for o in outputs]
        system = torch.stack([p[0] for p in pairs])
        group = torch.stack([p[1] for p in pairs])
        lattice = torch.stack([o.lattice for o in outputs])
        embedding = torch.stack([o.embedding for o in outputs])
        return (
            *_mean_and_std(system),
            *_mean_and_std(group),
            *_mean_and_std(lattice),
            embedding.mean(dim=0),
        )

    def _agreed(self, system_logits: Tensor, group_logits: Tensor) -> tuple[Tensor, Tensor]:
        return agreed_probabilities(system_logits, group_logits, self.system_sums, self.calibration)


def _mean_and_std(values: Tensor) -> tuple[Tensor, Tensor]:
    """Over members (M, N, K); the deviation of one member is 0."""
    mean = values.mean(dim=0)
    return mean, ((values - mean) ** 2).mean(dim=0).sqrt()


OUTPUT_NAMES = tuple(SIGNATURE)
