"""What happens when: drawn from the seed."""

from __future__ import annotations

import random
from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any

KILLS = 3
RESOURCES = {
    "kill": "service",
    "terminate": "service",
    "poison": "service",
    "exchange": "service",
    "clock": "service",
    "proxy": "proxy",
    "freeze": "proxy",
    "reader": "reader",
    "slow": "slow reader",
    "disk": "disk",
    "triton": "triton",
}
"""Kinds of faults and what they befall. Faults of one thing follow each other; others overlap."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: begins `delay` s after so many events were published, and lasts `length` s.

    twice: a killed service is killed again while it starts.
    jump: s by which the clock is put forward or back.
    """

    at: int
    kind: str
    delay: float
    length: float
    twice: bool = False
    jump: float = 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    """One seed's: how the stream is published, and what befalls it."""

    seed: int
    acknowledged: bool
    faults: list[Fault]

    def as_dict(self) -> dict[str, Any]:
        """For the report."""
        return asdict(self)


def make_plan(seed: int, events: int, possible: Collection[str], kills: int = KILLS) -> Plan:
    """`kills` times kill −9 and two to five others of the `possible` kinds, at random points."""
    rng = random.Random(f"plan {seed}")  # noqa: S311 - not for secrets
    others = sorted(set(possible) - {"kill"})
    kinds = ["kill"] * (kills if "kill" in possible else 0)
    kinds += rng.choices(others, k=rng.randint(2, 5)) if others else []
    faults = [_fault(rng, kind, events) for kind in kinds]
    return Plan(seed, seed % 2 == 1, sorted(faults, key=lambda fault: fault.at))


def _fault(rng: random.Random, kind: str, events: int) -> Fault:
    return Fault(
        at=rng.randrange(max(1, events - 5)),
        kind=kind,
        delay=rng.uniform(0, 0.15),
        length=rng.uniform(0.1, 1.5),
        twice=kind == "kill" and rng.random() < 0.25,
        jump=rng.choice([-1, 1]) * 10 ** rng.uniform(1, 6) if kind == "clock" else 0.0,
    )
