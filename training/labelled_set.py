"""Patterns with what is known of their crystals: what networks are evaluated on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alphadiffract_stream.pattern import Pattern


@dataclass(frozen=True, slots=True, eq=False)
class LabelledSet:
    """Patterns as measured (or as drawn), with what is known of their crystals."""

    name: str
    patterns: Sequence[Pattern]
    space_group: NDArray[np.int64]
    """(N,) 1…230."""
    niggli: NDArray[np.float64]
    """(N, 6) Å, °; NaN where not known."""
    identifier: tuple[str, ...]
    """(N,)."""
    formula: tuple[str | None, ...]
    """(N,) as the set gives it; None where it does not."""
    structure: NDArray[np.int64]
    """(N,) patterns of one structure share a number (the augmentations of §5.6)."""
    simulated: str = ""
    """Preset the patterns were drawn with; empty for measured ones."""

    def __len__(self) -> int:
        return len(self.space_group)
