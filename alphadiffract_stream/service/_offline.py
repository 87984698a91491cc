"""Predictions of patterns at hand, without a stream: for files, notebooks and scripts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import islice
from time import monotonic
from typing import overload

import numpy as np

from ..engines import Engine, open_engine
from ..errors import EngineError, PatternError
from ..grid import GridPattern, to_grid
from ..pattern import Pattern
from ..prediction import Latency, Prediction, failure, interpret, refusal


@overload
def predict(
    patterns: Pattern, *, engine: str | Engine = "onnx:", background: str | None = None
) -> Prediction: ...
@overload
def predict(
    patterns: Iterable[Pattern], *, engine: str | Engine = "onnx:", background: str | None = None
) -> list[Prediction]: ...
def predict(
    patterns: Pattern | Iterable[Pattern],
    *,
    engine: str | Engine = "onnx:",
    background: str | None = None,
) -> Prediction | list[Prediction]:
    """Crystal system, space group and lattice of one pattern or of many, in their order.

    engine: a URL (its engine stays open for the next call) or an open engine. background: one of
    ``grid.BACKGROUND_METHODS``. A pattern that cannot be analysed gives a prediction with
    ``status`` ``refused`` and the reason; it raises nothing.
    Raises ConfigurationError for an unknown engine or background, EngineError for a model that
    cannot be loaded.
    """
    opened = _engine(engine) if isinstance(engine, str) else engine
    if isinstance(patterns, Pattern):
        return next(predict_each([patterns], opened, background=background))
    return list(predict_each(patterns, opened, background=background))


def predict_each(
    patterns: Iterable[Pattern | Prediction], engine: Engine, *, background: str | None = None
) -> Iterator[Prediction]:
    """Predictions as they are made, in batches of ``engine.max_batch``, in the order given.

    A Prediction among `patterns` (a refusal, where a file could not be read) passes through.
    """
    remaining = iter(patterns)
    while batch := list(islice(remaining, engine.max_batch)):
        yield from _answer(batch, engine, background)


def _answer(
    batch: list[Pattern | Prediction], engine: Engine, background: str | None
) -> Iterator[Prediction]:
    answers: dict[int, Prediction] = {}
    grids: dict[int, tuple[Pattern, GridPattern]] = {}
    for place, item in enumerate(batch):
        if isinstance(item, Prediction):
            answers[place] = item
            continue
        try:
            grids[place] = item, to_grid(item, background=background)
        except PatternError as error:
            answers[place] = refusal(item.origin, error)
    if grids:
        answers.update(zip(grids, _infer(list(grids.values()), engine), strict=True))
    return (answers[place] for place in range(len(batch)))


def _infer(items: list[tuple[Pattern, GridPattern]], engine: Engine) -> list[Prediction]:
    patterns = [pattern for pattern, _ in items]
    grids = [grid for _, grid in items]
    began = monotonic()
    try:
        outputs = engine.run(np.stack([grid.intensity for grid in grids]))
        predictions = interpret(outputs, grids, patterns, engine.card, engine.name)
    except EngineError as error:
        return [failure(p.origin, error, coverage=g.coverage) for p, g in items]
    milliseconds = (monotonic() - began) * 1e3
    latency = Latency(compute=milliseconds, total=milliseconds)
    return [replace(prediction, latency=latency) for prediction in predictions]


@lru_cache(maxsize=4)
def _engine(url: str) -> Engine:
    return open_engine(url)
