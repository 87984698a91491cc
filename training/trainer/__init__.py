"""The trainer: losses, schedules, weight averages, checkpoints and the loop."""

from __future__ import annotations

from ._checkpoint import load_average
from ._config import TrainingConfig, read_config
from ._losses import graph_distances, training_loss
from ._schedule import learning_rate
from ._train import held_out_patterns, train, validate

__all__ = [
    "TrainingConfig",
    "graph_distances",
    "held_out_patterns",
    "learning_rate",
    "load_average",
    "read_config",
    "train",
    "training_loss",
    "validate",
]
