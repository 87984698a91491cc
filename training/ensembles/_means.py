"""An ensemble's mean answer, as the deployed graph gives it but for the calibration."""

from __future__ import annotations

from torch import Tensor, nn

from ._members import FusedMembers, Members, mean_outputs


class MeanAnswer(nn.Module):
    """Members → (N, 7) and (N, 230) mean probabilities, (N, 6) mean lattice and its spread."""

    def __init__(self, members: Members | FusedMembers) -> None:
        super().__init__()
        self.members = members

    def forward(self, pattern: Tensor) -> tuple[Tensor, ...]:
        """(N, 8192) → four tensors."""
        outputs = self.members(pattern)
        return (*mean_outputs(outputs), outputs.lattice.std(dim=0, correction=0))
