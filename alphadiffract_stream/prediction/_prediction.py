"""One prediction: the answer to one pattern, whether it could be analysed or not."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from ..pattern import Origin


class Status(StrEnum):
    """How far an answer can be used."""

    OK = "ok"
    LOW_CONFIDENCE = "low_confidence"
    OUT_OF_DOMAIN = "out_of_domain"
    REFUSED = "refused"
    FAILED = "failed"

    @property
    def predicted(self) -> bool:
        """Whether a network answered."""
        return self not in (Status.REFUSED, Status.FAILED)


@dataclass(frozen=True, slots=True)
class SpaceGroupCandidate:
    """One of the top-k space groups."""

    number: int
    symbol: str
    """Hermann–Mauguin, e.g. ``P 63/m m c``."""
    probability: float
    std: float


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds spent on one pattern."""

    queue: float = 0.0
    compute: float = 0.0
    total: float = 0.0


@dataclass(frozen=True, slots=True)
class Prediction:
    """Crystal system, space group and lattice of one pattern, with uncertainty.

    For ``refused`` and ``failed`` only `origin`, `status`, `reason` (and `coverage`, if known)
    mean anything; probabilities are then 0 and lattices NaN.
    """

    origin: Origin
    status: Status
    reason: str = ""
    crystal_system: str = ""
    crystal_system_probability: float = 0.0
    crystal_system_std: float = 0.0
    crystal_system_probabilities: tuple[float, ...] = (0.0,) * 7
    """Triclinic … cubic."""
    space_groups: tuple[SpaceGroupCandidate, ...] = ()
    """Top 5, most probable first; empty when nothing was predicted."""
    lattice: tuple[float, ...] = (float("nan"),) * 6
    """Niggli-reduced a b c (Å) α β γ (°)."""
    lattice_std: tuple[float, ...] = (float("nan"),) * 6
    conventional: tuple[float, ...] = (float("nan"),) * 6
    """Conventional cell of the top space group's Bravais type, from `lattice`."""
    conventional_misfit: float = float("nan")
    """Relative distance of `lattice` from the nearest metric that Bravais type allows."""
    consistency: float = 0.0
    """Share of the space-group probability that lies in the predicted crystal system."""
    entropy: float = float("nan")
    """Of the space-group distribution, nats."""
    coverage: float = 0.0
    """Share of the canonical grid the pattern covers, 0…1."""
    novelty: float = float("nan")
    """Embedding distance over the card's threshold; above 1 is out of domain."""
    flags: tuple[str, ...] = ()
    embedding: tuple[float, ...] = field(default=(), repr=False)
    engine: str = ""
    """Which engine really answered, e.g. ``onnx``."""
    latency: Latency = field(default_factory=Latency)
