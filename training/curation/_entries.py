"""One thing a source offers, before anybody has looked at it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of JSON, or where a CIF lies. Cheap to hand to another process."""

    kind: Literal["line", "cif", "zipped cif"]
    name: str
    """As the record of what was left out names it."""
    content: str
    """The line itself; or the path of the CIF, or of its archive."""
    member: str = ""
    """Within the archive."""
