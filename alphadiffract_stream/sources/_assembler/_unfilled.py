"""An event that is not a pattern yet: its arrays lie elsewhere, or are a frame to be integrated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...pattern import Pattern, RadialUnit
from .._messages import PatternRefused
from ._references import Reference


@dataclass(frozen=True, slots=True)
class Beside:
    """What a file says of the radial axis of a dataset in it."""

    axis: NDArray[np.floating]
    unit: RadialUnit
    wavelength: float | None = None
    """Å."""
    wavelength_source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfilled(PatternRefused):
    """A refusal, unless somebody reads the references and completes it."""

    references: Mapping[str, Reference]
    """By data key; empty where everything is in the event."""
    complete: Callable[[Mapping[str, Any], Beside | None], Pattern]
    """The pattern, of the arrays by data key; with what the file says of the axis, where
    `axis_from` is set. Integrates a frame, which takes milliseconds: not for the event loop.
    Raises PatternError."""
    axis_from: str = ""
    """Data key whose file must say what the radial axis is, since the documents do not."""
