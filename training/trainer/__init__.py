"""The trainer: losses, schedules, weight averages, checkpoints and the loop."""

from __future__ import annotations

from ._config import TrainingConfig, read_config
from ._losses import graph_distances, training_loss
from ._schedule import learning_rate
from ._train import train

__all__ = [
    "TrainingConfig",
    "graph_distances",
    "learning_rate",
    "read_config",
    "train",
    "training_loss",
]
