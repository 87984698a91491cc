"""The model card: what a network is, what it was trained on and how far to trust it."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field


class Domain(BaseModel):
    """Where the embedding of training-like patterns lies, to tell a pattern unlike any of them."""

    mean: list[float]
    """(F,) mean embedding of validation patterns."""
    std: list[float]
    """(F,) standard deviation of each feature."""
    threshold: float
    """Root-mean-square standardised distance that 99.9 % of validation patterns stay below."""

    @cached_property
    def arrays(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """`mean` and `std` made arrays once, not for every pattern."""
        return np.array(self.mean), np.array(self.std)


class ModelCard(BaseModel):
    """JSON beside every network (``NAME.json`` beside ``NAME.onnx``)."""

    model_config = ConfigDict(extra="forbid")

    name: str
    version: str
    sha256: str
    """Hash of the ONNX file; checked before loading."""
    training_set: str
    members: int = Field(ge=1)
    parameters: int = Field(ge=1)
    embedding_width: int = Field(ge=1)
    temperature: dict[str, float] = Field(default_factory=dict)
    """Calibration already inside the graph, one per head; for the record."""
    low_confidence_below: float = Field(default=0.5, ge=0, le=1)
    """Crystal-system probability under which a prediction is marked ``low_confidence``."""
    minimum_coverage: float = Field(default=0.3, ge=0, le=1)
    """Coverage of the canonical grid under which a prediction is marked ``out_of_domain``."""
    lattice_std: list[float] | None = Field(default=None, min_length=6, max_length=6)
    """(6,) σ on validation (Å, °), added to the members' spread so that 68 % of errors lie within:
    a one-member network has no spread, and the spread alone is too small. None where the network's
    own `lattice_std` is the whole σ of each pattern."""
    domain: Domain | None = None
    golden: list[float] | None = Field(default=None, min_length=7, max_length=7)
    """(7,) crystal-system probabilities this network gives for ``engines.golden_pattern()``."""
    golden_tolerance: float = Field(default=0.02, ge=0.02, lt=0.3)
    """By how much an engine may be off `golden`: measured where a network answers in jumps."""
    metrics: dict[str, Any] = Field(default_factory=dict)
    config: dict[str, Any] = Field(default_factory=dict)
    created: str = ""
    licence: str = "BSD-3-Clause"
    notes: str = ""

    @classmethod
    def read(cls, path: Path) -> ModelCard:
        """Read the card beside an ONNX file (or the card itself)."""
        return cls.model_validate_json(path.with_suffix(".json").read_text(encoding="utf-8"))
