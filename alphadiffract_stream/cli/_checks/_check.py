"""One thing that was checked."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum


class State(StrEnum):
    """How a check ended."""

    OK = "OK"
    TIMEOUT = "TIMEOUT"
    ERROR = "ERROR"
    ABSENT = "ABSENT"
    """Not installed, and not needed by what is configured."""


@dataclass(frozen=True, slots=True)
class Check:
    """What was checked, how it ended, and what to do if that is not well."""

    name: str
    state: State
    found: str = ""
    remedy: str = ""

    @property
    def passed(self) -> bool:
        """Whether nothing that is needed is wrong."""
        return self.state in (State.OK, State.ABSENT)

    def record(self) -> dict[str, str]:
        """For JSON."""
        return asdict(self)
