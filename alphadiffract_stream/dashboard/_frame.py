"""One exposure: its pattern and the answer to it, whichever came first."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

CELL = ("a", "b", "c", "alpha", "beta", "gamma")


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """A pattern as it is drawn; sorted along d, the rest is the axis's matter."""

    d: NDArray[np.float64]
    """(n,) Å, falling."""
    intensity: NDArray[np.float64]
    """(n,)."""


@dataclass(slots=True)
class Frame:
    """What is known of one raw event."""

    seq_num: int
    motors: dict[str, float] = field(default_factory=dict)
    """Scalars of the raw event by data key."""
    trace: Trace | None = None
    """None before the pattern came, and again once it is old; `row` stays."""
    row: NDArray[np.uint8] | None = None
    """The pattern on the run's waterfall columns, as the waterfall colours it."""
    prediction: Mapping[str, Any] | None = None
    """``data`` of the prediction event."""
    refusal: str = ""
    """Why the raw event holds no pattern that could be drawn."""
    pattern_time: float | None = None
    """Unix time at which the pattern arrived here."""
    answer_time: float | None = None
    """Unix time at which the answer arrived here."""

    @property
    def status(self) -> str:
        """The answer's status; ``waiting`` before there is one."""
        return "waiting" if self.prediction is None else str(self.prediction.get("status", ""))

    @property
    def predicted(self) -> bool:
        """Whether a network answered."""
        return self.status not in ("waiting", "refused", "failed")

    @property
    def phase(self) -> tuple[str, int]:
        """Crystal system and space group number; ('', 0) without an answer."""
        if not self.predicted or self.prediction is None:
            return "", 0
        number = self.prediction.get("space_group_number", 0)
        return str(self.prediction.get("crystal_system", "")), int(number)

    def cell(self, name: str, suffix: str = "") -> tuple[float, ...]:
        """Six numbers, e.g. of ``conventional`` or ``lattice``; NaN where they are not known."""
        data = self.prediction or {}
        return tuple(number(data.get(f"{name}_{edge}{suffix}")) for edge in CELL)


def number(value: Any) -> float:
    """`value` as a float; NaN for what is none (JSON has no NaN and sends null)."""
    try:
        return float(value) if value is not None else math.nan
    except (TypeError, ValueError, OverflowError):
        return math.nan
