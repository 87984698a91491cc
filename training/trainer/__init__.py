"""The trainer: losses, schedules, weight averages, checkpoints and the loop. torch and numpy alone.

``python -m training.trainer`` runs it without the rest of the command line.
"""

from __future__ import annotations

from ._checkpoint import load_average
from ._config import (
    DataConfig,
    LossConfig,
    ScheduleConfig,
    TrainingConfig,
    parse_config,
    read_config,
)
from ._losses import graph_distances, training_loss
from ._pieces import write_pieces
from ._run import Run
from ._schedule import learning_rate
from ._train import train, training_step
from ._validate import held_out_patterns, validate
from ._workers import Workers

__all__ = [
    "DataConfig",
    "LossConfig",
    "Run",
    "ScheduleConfig",
    "TrainingConfig",
    "Workers",
    "graph_distances",
    "held_out_patterns",
    "learning_rate",
    "load_average",
    "parse_config",
    "read_config",
    "train",
    "training_loss",
    "training_step",
    "validate",
    "write_pieces",
]
