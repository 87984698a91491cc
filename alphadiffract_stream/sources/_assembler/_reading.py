"""How patterns are to be read, as the operator said."""

from __future__ import annotations

from dataclasses import dataclass

from ...integration import Integrator
from ._keys import PatternKeys


@dataclass(frozen=True, slots=True)
class Reading:
    """What holds for every run."""

    keys: PatternKeys
    wavelength: float | None
    """Å; used where the documents name none."""
    external: bool
    """Whether somebody reads files."""
    integrator: Integrator | None
    """For frames of a detector."""
