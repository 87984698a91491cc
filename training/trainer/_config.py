"""A training run is one TOML file; unknown keys are refused."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ..patterns import MEASURED, PAPER, Augmentation


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid")


class DataConfig(_Section):
    """What is trained on."""

    reflections: Path = Path("data/reflections.npz")
    subgroups: Path = Path("data/maxsub_edges.json")
    """Rows [group, subgroup, index, kind] of the maximal-subgroup graph."""
    validation_fraction: float = Field(default=0.05, gt=0, lt=0.5)
    validation_patterns: int = 2048
    balance_power: float = Field(default=0.7, ge=0, le=1)
    """Space groups are drawn ∝ count^power; 1 leaves the data as it is."""
    preset: Literal["paper", "measured"] = "measured"
    augmentation: dict[str, float] = Field(default_factory=dict)
    """Changes to the preset, by name."""

    def drawn_with(self) -> Augmentation:
        """The preset with its changes."""
        base = PAPER if self.preset == "paper" else MEASURED
        return base._replace(**self.augmentation)


class LossConfig(_Section):
    """Equation (6) and our variants."""

    gemd: float = 1.0
    """μ."""
    label_smoothing: float = 0.0
    lattice: Literal["paper", "log"] = "log"
    """``paper``: mean squared error in Å and °; ``log``: smooth L1 of log lengths and angles."""
    lattice_weight: float = 1.0


class ScheduleConfig(_Section):
    """Learning rate over steps."""

    kind: Literal["triangular", "stable"] = "stable"
    """``triangular``: the paper's cycles; ``stable``: warm up, hold, decay when finishing."""
    peak: float = 2e-3
    warmup_steps: int = 500
    half_cycle_steps: int = 10_000
    """Of the triangular schedule: six epochs in the paper."""
    decay_steps: int = 4000
    """Of the stable schedule: linear to zero, once `finish` is asked for."""


class TrainingConfig(_Section):
    """Everything a run needs to be repeated."""

    name: str
    seed: int = 0
    network: dict[str, Any] = Field(default_factory=lambda: {"kind": "compact"})
    data: DataConfig = DataConfig()
    loss: LossConfig = LossConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    batch_size: int = 128
    weight_decay: float = 0.05
    gradient_clip: float = 1.0
    ema_decay: float = 0.999
    bfloat16: bool = True
    report_every: int = 100
    validate_every: int = 2000


def read_config(path: Path) -> TrainingConfig:
    """Read and check a configuration file."""
    return TrainingConfig.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
