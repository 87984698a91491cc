"""What was measured, as one object that becomes text, JSON or a plot."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from ._batches import BatchTimes
from ._load import Capacity, LoadTimes
from ._paper_way import PaperWayTimes
from ._plan import Plan
from ._timing import Spread


@dataclass(slots=True)
class Report:
    """Times in ms, rates in patterns a second."""

    plan: Plan
    machine: dict[str, object]
    engines: dict[str, str] = field(default_factory=dict)
    """URL → model."""
    stages: dict[str, dict[str, Spread]] = field(default_factory=dict)
    """Engine → stage → times."""
    batches: list[BatchTimes] = field(default_factory=list)
    capacities: list[Capacity] = field(default_factory=list)
    loads: list[LoadTimes] = field(default_factory=list)
    paper_way: PaperWayTimes | None = None

    def to_json(self) -> dict[str, Any]:
        """For `json.dumps`; what is not known is None."""
        content = asdict(self)
        content["plan"]["parts"] = sorted(self.plan.parts)
        for row, times in zip(content["batches"], self.batches, strict=True):
            row["rate"] = times.rate
        return _plain(content)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, float):
        return round(value, 5) if math.isfinite(value) else None
    return value
