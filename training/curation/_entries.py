"""One thing a source offers, before anybody has looked at it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of JSON, a CIF or where one lies. Cheap to hand to another process."""

    kind: Literal["line", "cif", "zipped cif", "measured cif text", "theoretical cif text"]
    name: str
    """As the record of what was left out names it."""
    content: str
    """The line or the CIF itself; or the path of the CIF, or of its archive."""
    member: str = ""
    """Within the archive."""
