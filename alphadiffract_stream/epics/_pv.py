"""What one process variable is: its name, type, unit, limits and where its value comes from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Kind(StrEnum):
    """Type of a PV's value."""

    DOUBLE = "double"
    LONG = "long"
    """32 bits: all that Channel Access has."""
    TEXT = "text"
    CHOICE = "choice"
    DOUBLES = "doubles"
    LONGS = "longs"
    TEXTS = "texts"
    """Each element at most 39 characters long: all that Channel Access has."""
    TABLE = "table"
    """An NTTable; PV Access only, since Channel Access has none."""


class Severity(IntEnum):
    """EPICS alarm severity."""

    NO_ALARM = 0
    MINOR = 1
    MAJOR = 2
    INVALID = 3


@dataclass(frozen=True, slots=True)
class Pv:
    """One process variable."""

    attribute: str
    """Its name in Python: of the device's signal, and where there is one of the data key."""
    kind: Kind
    description: str
    units: str = ""
    precision: int = 0
    low: float = 0.0
    """Display limits; both 0 where there are none."""
    high: float = 0.0
    size: int = 1
    """Elements of an array; characters of a text, at most."""
    choices: tuple[str, ...] = ()
    follows_status: bool = False
    """Whether its alarm is that of the answer it belongs to."""

    @property
    def name(self) -> str:
        """What follows the prefix: ``crystal_system_std`` is ``CrystalSystemStd``."""
        return "".join(word[:1].upper() + word[1:] for word in self.attribute.split("_"))

    @property
    def initial(self) -> object:
        """Value before the first prediction; its alarm is then INVALID."""
        match self.kind:
            case Kind.DOUBLE:
                return float("nan") if self.follows_status else 0.0
            case Kind.LONG | Kind.CHOICE:
                return 0
            case Kind.TEXT:
                return ""
            case Kind.DOUBLES:
                return [0.0] * self.size
            case Kind.LONGS:
                return [0] * self.size
            case Kind.TEXTS:
                return [""] * self.size
            case Kind.TABLE:
                return []


@dataclass(frozen=True, slots=True)
class Reading:
    """A value to be put into a PV."""

    value: object
    timestamp: float
    """Unix time, s."""
    severity: Severity = Severity.NO_ALARM
    message: str = ""
    """Of the alarm; Channel Access does not carry it."""
