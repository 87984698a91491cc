"""A labelled set through the service's own way: grid, engine, raw outputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields

import numpy as np

from alphadiffract_stream.engines import Engine
from alphadiffract_stream.grid import to_grid
from alphadiffract_stream.prediction import Outputs

from ..labelled_set import LabelledSet


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
    return predict_with([engine], labelled, background=background, progress=progress)[0]


def predict_with(
    engines: Sequence[Engine],
    labelled: LabelledSet,
    *,
    background: str | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> list[Outputs]:
    """`predict_set` for several engines, each pattern put on the grid once."""
    parts: list[list[Outputs]] = [[] for _ in engines]
    size = min(64, *(engine.max_batch for engine in engines))
    for first in range(0, len(labelled), size):
        patterns = labelled.patterns[first : first + size]
        grids = np.stack([to_grid(p, background=background).intensity for p in patterns])
        for engine, found in zip(engines, parts, strict=True):
            found.append(engine.run(grids))
        progress(len(patterns))
    return [_joined(found) for found in parts]


def _joined(parts: list[Outputs]) -> Outputs:
    return Outputs(
        **{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Outputs)}
    )


def selected(outputs: Outputs, rows: np.ndarray) -> Outputs:
    """The outputs of some of the patterns: a mask or indices."""
    return Outputs(**{f.name: getattr(outputs, f.name)[rows] for f in fields(Outputs)})
