"""A pattern whose answer is known: an engine is healthy when it gives the right numbers.

A server can report itself ready while its model is dead, so health is never asked, only measured.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import EngineError
from ..grid import GRID_TWO_THETA
from ..prediction import SIGNATURE, ModelCard, Outputs

_LINES = ((5.27, 20.0), (6.08, 100.0), (8.61, 55.0), (10.56, 62.0), (11.04, 18.0), (13.65, 9.0))
"""2θ (° at 20 keV) and height: a fixed made-up pattern, no crystal's."""
_WIDTH = 0.02
_TOLERANCE = 0.02
"""Of sums of probabilities."""


def golden_pattern() -> NDArray[np.float32]:
    """(1, 8192) float32: six Gaussian lines on the canonical grid, the same on every machine."""
    lines = [h * np.exp(-(((GRID_TWO_THETA - x) / _WIDTH) ** 2) / 2) for x, h in _LINES]
    return np.sum(lines, axis=0).astype(np.float32).reshape(1, -1)


def check_golden(outputs: Outputs, card: ModelCard) -> None:
    """Compare an engine's answer to `golden_pattern` with what can be known of it.

    Raises EngineError when a value is not finite, probabilities do not sum to 1, the embedding
    has another width than the card's, or crystal-system probabilities differ from
    ``card.golden`` (where the card has one) by more than ``card.golden_tolerance``.
    """
    for name in SIGNATURE:
        if not np.isfinite(getattr(outputs, name)).all():
            raise EngineError(f"golden inference: {name} is not finite")
    for name in ("crystal_system", "space_group"):
        total = float(getattr(outputs, name)[0].sum())
        if abs(total - 1) > _TOLERANCE:
            raise EngineError(f"golden inference: {name} sums to {total:.4g}, not to 1")
    width = outputs.embedding.shape[1]
    if width != card.embedding_width:
        raise EngineError(
            f"golden inference: embedding of {width}, the card says {card.embedding_width}"
        )
    if card.golden is not None:
        error = float(np.abs(outputs.crystal_system[0] - np.asarray(card.golden)).max())
        if error > card.golden_tolerance:
            raise EngineError(
                f"golden inference: crystal-system probabilities are {error:.3f} off the card's; "
                "the engine does not run this model rightly"
            )
