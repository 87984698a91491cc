"""A labelled set through the service's own way: grid, engine, raw outputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

import numpy as np

from alphadiffract_stream.engines import Engine
from alphadiffract_stream.grid import to_grid
from alphadiffract_stream.prediction import Outputs

from ._data_sets import LabelledSet


def predict_set(
    engine: Engine,
    labelled: LabelledSet,
    *,
    background: str | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> Outputs:
    """Outputs for all N patterns. A pattern the grid refuses raises: nothing is left out silently.

    `background`: method of `alphadiffract_stream.grid`, for raw patterns.
    """
    parts = []
    size = min(engine.max_batch, 64)
    for first in range(0, len(labelled), size):
        patterns = labelled.patterns[first : first + size]
        grids = np.stack([to_grid(p, background=background).intensity for p in patterns])
        parts.append(engine.run(grids))
        progress(len(patterns))
    joined = {f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Outputs)}
    return Outputs(**joined)
