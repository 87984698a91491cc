"""Prediction heads: crystal system, space group, lattice; all from one feature vector."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

LOG_LENGTH_MEAN, LOG_LENGTH_SCALE = 2.0, 0.4
"""ln Å; centre and spread of Niggli lengths, so that the head starts near the data."""
ANGLE_CENTRE, ANGLE_SPAN = 90.0, 60.0
"""Niggli angles lie between 60 and 120° up to reduction slack; the head reaches 30…150°."""


class HeadOutputs(NamedTuple):
    """What a network returns in training."""

    crystal_system: Tensor
    """(B, 7) logits."""
    space_group: Tensor
    """(B, 230) logits."""
    lattice: Tensor
    """(B, 6) Niggli a b c (Å) α β γ (°)."""
    embedding: Tensor
    """(B, F) the features the heads read."""


class Heads(nn.Module):
    """Linear classifiers and a small regressor with log lengths and bounded angles."""

    def __init__(self, features: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.crystal_system = nn.Linear(features, 7)
        self.space_group = nn.Linear(features, 230)
        self.lattice = nn.Sequential(nn.Linear(features, 256), nn.GELU(), nn.Linear(256, 6))

    def forward(self, embedding: Tensor) -> HeadOutputs:
        """(B, F) features → outputs in float32."""
        x = self.dropout(embedding)
        raw = self.lattice(x).float()
        lengths = torch.exp((LOG_LENGTH_MEAN + LOG_LENGTH_SCALE * raw[:, :3]).clamp(0.0, 6.2))
        angles = ANGLE_CENTRE + ANGLE_SPAN * torch.tanh(raw[:, 3:])
        return HeadOutputs(
            self.crystal_system(x).float(),
            self.space_group(x).float(),
            torch.cat([lengths, angles], dim=1),
            embedding.float(),
        )
