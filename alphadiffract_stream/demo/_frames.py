"""One frame of the scan: what was in the beam beside what the service said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ._crystals import Phase
from ._samples import CALCIUM_CARBONATE, Sample


@dataclass(frozen=True, slots=True)
class Truth:
    """What the simulated sample was."""

    temperature: float
    """K."""
    fractions: Mapping[str, float]
    """Phase name → share of the formula units."""
    phase: Phase | None
    """The only phase; None in a mixture."""

    @classmethod
    def at(cls, temperature: float, sample: Sample = CALCIUM_CARBONATE) -> Truth:
        """`sample` at `temperature` K."""
        shares = {phase.name: share for phase, share in sample.fractions(temperature)}
        return cls(temperature, shares, sample.phase(temperature))

    def to_json(self) -> dict[str, Any]:
        """For the demo's JSON file."""
        phase = self.phase
        return {
            "temperature": self.temperature,
            "fractions": dict(self.fractions),
            "phase": phase and phase.name,
            "crystal_system": phase and phase.crystal_system,
            "space_group_number": phase and phase.space_group_number,
            "cell": phase and phase.cell_at(self.temperature),
        }


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame whose prediction has, or has not, come back."""

    seq_num: int
    truth: Truth
    prediction: Mapping[str, Any] | None
    """`data` of the prediction event; None when none came."""
    latency: float | None
    """Milliseconds from the RunEngine's event document to the prediction's arrival."""

    @property
    def status(self) -> str:
        return "missing" if self.prediction is None else str(self.prediction["status"])

    @property
    def answered(self) -> bool:
        """Whether a network answered."""
        return self.status not in ("missing", "refused", "failed")

    @property
    def system_right(self) -> bool | None:
        """Whether the crystal system is right; None for a mixture or no answer."""
        phase = self.truth.phase
        if phase is None or self.prediction is None or not self.answered:
            return None
        return self.prediction["crystal_system"] == phase.crystal_system

    @property
    def space_group_right(self) -> bool | None:
        """Whether the most probable space group is right; None for a mixture or no answer."""
        phase = self.truth.phase
        if phase is None or self.prediction is None or not self.answered:
            return None
        return int(self.prediction["space_group_number"]) == phase.space_group_number

    def to_json(self) -> dict[str, Any]:
        """For the demo's JSON file."""
        return {
            "seq_num": self.seq_num,
            "truth": self.truth.to_json(),
            "prediction": self.prediction,
            "status": self.status,
            "system_right": self.system_right,
            "space_group_right": self.space_group_right,
            "latency_ms": self.latency,
        }
