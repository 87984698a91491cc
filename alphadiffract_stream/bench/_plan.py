"""What a run measures, and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ..errors import ConfigurationError


class Part(StrEnum):
    """One part of a run."""

    STAGES = "stages"
    ENGINES = "engines"
    LOAD = "load"


class Arrivals(StrEnum):
    """When patterns come: as a detector triggers, or at random times (a Poisson process)."""

    PACED = "paced"
    POISSON = "poisson"


@dataclass(frozen=True, slots=True)
class Plan:
    """Raises ConfigurationError for what cannot be measured."""

    engines: tuple[str, ...] = ("onnx:?max_batch=256",)
    """The first is what the others are compared with."""
    parts: frozenset[Part] = frozenset(Part)
    batches: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64, 128, 256)
    loads: tuple[float, ...] = (0.25, 0.5, 0.75, 0.9)
    """Shares of the capacity measured just before."""
    points: int = 8192
    """Of each pattern."""
    seconds: float = 10.0
    """Of each load; the engines take turns for a tenth of that at each batch."""
    arrivals: Arrivals = Arrivals.PACED
    paper_way: bool = False
    members: int = 10
    """Of the paper's ensemble."""
    seed: int = 0

    def __post_init__(self) -> None:
        _check("engine", bool(self.engines), "name one at least")
        _check("batch", all(n >= 1 for n in self.batches), "give whole numbers from 1")
        _check("load", all(0 < x <= 2 for x in self.loads), "give shares of capacity, up to 2")
        _check("points", self.points >= 64, "a pattern has 64 points at least")
        _check("seconds", self.seconds >= 0.1, "give 0.1 s at least")
        _check("members", self.members >= 1, "give a whole number from 1")


def _check(name: str, good: bool, remedy: str) -> None:
    if not good:
        raise ConfigurationError(f"--{name}: {remedy}")
