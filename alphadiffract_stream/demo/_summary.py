"""What the whole scan came to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ._frames import Frame


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts and latencies of one scan."""

    frames: int
    answered: int
    pure: int
    """Answered frames that held one phase only."""
    system_right: int
    """Of the pure ones."""
    space_group_right: int
    """Of the pure ones."""
    statuses: Mapping[str, int]
    """Status → frames."""
    latency_p50: float | None
    """Milliseconds from the event document's leaving the RunEngine to its prediction's arrival."""
    latency_p99: float | None
    account: Mapping[str, Any]
    """The service's own account: the prediction run's stop document."""

    @classmethod
    def of(cls, frames: Sequence[Frame], stop: Mapping[str, Any] | None) -> Summary:
        """Summary of `frames` and the stop document of their prediction run."""
        judged = [frame for frame in frames if frame.system_right is not None]
        latencies = [frame.latency for frame in frames if frame.latency is not None]
        statuses: dict[str, int] = {}
        for frame in frames:
            statuses[frame.status] = statuses.get(frame.status, 0) + 1
        return cls(
            frames=len(frames),
            answered=sum(frame.answered for frame in frames),
            pure=len(judged),
            system_right=sum(bool(frame.system_right) for frame in judged),
            space_group_right=sum(bool(frame.space_group_right) for frame in judged),
            statuses=statuses,
            latency_p50=float(np.percentile(latencies, 50)) if latencies else None,
            latency_p99=float(np.percentile(latencies, 99)) if latencies else None,
            account=dict(stop or {}),
        )

    @property
    def complete(self) -> bool:
        """Whether a network answered every frame."""
        return self.answered == self.frames

    def to_json(self) -> dict[str, Any]:
        """For the demo's JSON file."""
        return asdict(self)
