"""A training run is one configuration file; unknown keys are refused. Standard library alone."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from ..patterns import MEASURED, PAPER, Augmentation, EngineName
from ..retrieval import RetrievalConfig
from ._optimizer import OptimizerName
from ._strict import from_mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class DataConfig:
    """What is trained on."""

    reflections: Path = Path("data/reflections.npz")
    """As `training reflections` or `training pack` wrote it."""
    subgroups: Path = Path("data/maxsub_edges.json")
    """Rows [group, subgroup, index, kind] of the maximal-subgroup graph; a pack brings its own."""
    validation_fraction: float = 0.05
    validation_patterns: int = 2048
    balance_power: float = 0.7
    """Space groups are drawn ∝ count^power; 1 leaves the data as it is."""
    theoretical_weight: float = 1.0
    """How often a crystal that has only been computed is drawn, beside one that was measured."""
    preset: Literal["paper", "measured"] = "measured"
    augmentation: dict[str, float] = field(default_factory=dict)
    """Changes to the preset, by name."""
    engine: EngineName = "auto"
    """What draws the patterns: ``numba`` on a CPU, ``device`` elsewhere, unless said."""

    def __post_init__(self) -> None:
        if not 0 < self.validation_fraction < 0.5:
            raise ValueError(f"validation_fraction: {self.validation_fraction} is not in 0 … 0.5")
        if not 0 <= self.balance_power <= 1:
            raise ValueError(f"balance_power: {self.balance_power} is not in 0 … 1")
        if not 0 < self.theoretical_weight <= 1:
            told = f"theoretical_weight: {self.theoretical_weight}"
            raise ValueError(f"{told} is not above 0 and up to 1")
        self.drawn_with()

    def drawn_with(self) -> Augmentation:
        """The preset with its changes. Raises ValueError for an unknown name."""
        unknown = sorted(set(self.augmentation) - set(Augmentation._fields))
        if unknown:
            raise ValueError(f"augmentation.{unknown[0]}: no such range or probability")
        base = PAPER if self.preset == "paper" else MEASURED
        return base._replace(**self.augmentation)


@dataclass(frozen=True, slots=True, kw_only=True)
class LossConfig:
    """Equation (6) and our variants."""

    gemd: float = 1.0
    """μ."""
    label_smoothing: float = 0.0
    lattice: Literal["paper", "log", "laplace", "gaussian"] = "log"
    """``paper``: mean squared error in Å and °; ``log``: smooth L1 of log lengths and angles;
    ``laplace``, ``gaussian``: likelihood of the same, for networks that give a σ
    (`network.heads.sigma`)."""
    lattice_weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleConfig:
    """Learning rate over steps."""

    kind: Literal["triangular", "stable"] = "stable"
    """``triangular``: the paper's cycles; ``stable``: warm up, hold, decay when finishing."""
    peak: float = 2e-3
    warmup_steps: int = 500
    half_cycle_steps: int = 10_000
    """Of the triangular schedule: six epochs in the paper."""
    decay_steps: int = 4000
    """Of the stable schedule: linear to zero, once `finish` is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DistillConfig:
    """Learning from an ensemble (Hinton et al. 2015, arXiv 1503.02531) besides from labels."""

    teachers: tuple[Path, ...] = ()
    """Run folders."""
    weight: float = 0.7
    """Of the teachers' answers; the labels have the rest."""
    temperature: float = 2.0
    """Both sides' probabilities are softened by it."""

    def __post_init__(self) -> None:
        if not 0 < self.weight <= 1:
            raise ValueError(f"weight: {self.weight} is not in 0 … 1")
        if self.temperature <= 0:
            raise ValueError(f"temperature: {self.temperature} is not positive")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingConfig:
    """Everything a run needs to be repeated."""

    name: str
    seed: int = 0
    network: dict[str, Any] = field(default_factory=lambda: {"kind": "compact"})
    data: DataConfig = field(default_factory=DataConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    distill: DistillConfig | None = None
    retrieval: RetrievalConfig = field(default_factory=RetrievalConfig)
    batch_size: int = 128
    """A process; several processes see that many each."""
    optimizer: OptimizerName = "adamw"
    """``muon``: for the convolutions between first and last layers, AdamW for the rest."""
    weight_decay: float = 0.05
    gradient_clip: float = 1.0
    ema_decay: float = 0.999
    bfloat16: bool = True
    """On devices that are quick in it; float32 on others."""
    compile: bool = False
    """torch.compile the network: pays on a GPU, after a minute or so."""
    report_every: int = 100
    validate_every: int = 2000

    def as_json(self) -> dict[str, Any]:
        """For JSON; `parse_config` reads it back."""
        return json.loads(json.dumps(asdict(self), default=str))

    def on_data(self, reflections: Path | None, subgroups: Path | None = None) -> TrainingConfig:
        """The same on other files, where given."""
        data = replace(
            self.data,
            reflections=reflections or self.data.reflections,
            subgroups=subgroups or self.data.subgroups,
        )
        return replace(self, data=data)


def parse_config(values: Mapping[str, Any]) -> TrainingConfig:
    """Check a configuration. Raises ValueError naming the setting at fault."""
    return from_mapping(TrainingConfig, values)


def read_config(path: Path) -> TrainingConfig:
    """Read and check a ``.toml`` file, or the ``config.json`` of a run."""
    text = path.read_text(encoding="utf-8")
    try:
        return parse_config(json.loads(text) if path.suffix == ".json" else tomllib.loads(text))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
