"""What every file format is read into, before the operator's word and the file's name join it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ...errors import PatternError
from ...pattern import RadialUnit

Doubts = Mapping[str, PatternError]
"""``wavelength`` or ``unit`` → why the file's own word on it cannot be taken."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """One pattern as the file has it. Doubts count only where the operator gave no value."""

    axis: NDArray[np.float64]
    """(n,) as written; x `scale` it is in `unit`, or in degrees 2θ where that is None."""
    intensity: NDArray[np.floating]
    """(n,) counts or any positive scale."""
    sigma: NDArray[np.floating] | None = None
    """(n,) standard deviation, same scale."""
    mask: NDArray[np.bool_] | None = None
    """(n,) True where the point must not be used."""
    unit: RadialUnit | None = None
    """None where the file names no axis."""
    scale: float = 1.0
    wavelength: float | None = None
    """Å."""
    wavelength_source: str = ""
    settled: bool = False
    """Whether the operator's word on wavelength and unit is in here already."""
    doubts: Doubts = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)


Results = Iterator[Parsed | PatternError]
"""A stack goes on after a frame that cannot be read: the error takes its place."""


class FileBusyError(PatternError):
    """Another process holds the file open for writing; it may be whole later."""


class NothingFoundError(PatternError):
    """A whole file, and no pattern in it."""


class Reader(Protocol):
    """Reads one format. Yields at least one result, or raises PatternError."""

    def __call__(self, path: Path, max_bytes: int, /) -> Results: ...
