"""The trainer: losses, schedules, weight averages, checkpoints and the loop. torch and numpy alone.

``python -m training.trainer`` runs it without the rest of the command line.
"""

from __future__ import annotations

from ._checkpoint import CHECKPOINT, load_average
from ._config import (
    DataConfig,
    DistillConfig,
    LossConfig,
    ScheduleConfig,
    TrainingConfig,
    parse_config,
    read_config,
)
from ._log import read_metrics
from ._losses import graph_distances, training_loss
from ._members import ENSEMBLE, checkpoint_progress, member_folders, open_members, open_network
from ._optimizer import OptimizerName, open_optimizer
from ._pieces import write_pieces
from ._run import Run
from ._schedule import learning_rate
from ._train import SAVED_EVERY, train, training_step
from ._validate import held_out_patterns, validate
from ._workers import Workers

__all__ = [
    "CHECKPOINT",
    "ENSEMBLE",
    "SAVED_EVERY",
    "DataConfig",
    "DistillConfig",
    "LossConfig",
    "OptimizerName",
    "Run",
    "ScheduleConfig",
    "TrainingConfig",
    "Workers",
    "checkpoint_progress",
    "graph_distances",
    "held_out_patterns",
    "learning_rate",
    "load_average",
    "member_folders",
    "open_members",
    "open_network",
    "open_optimizer",
    "parse_config",
    "read_config",
    "read_metrics",
    "train",
    "training_loss",
    "training_step",
    "validate",
    "write_pieces",
]
