"""What each stage of the way costs, one pattern at a time, with the service's own functions."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, pairwise
from time import perf_counter

from ..documents import PredictionRun
from ..engines import Engine
from ..grid import to_grid
from ..pattern import Pattern
from ..prediction import interpret
from ..sources import PatternReceived
from ..sources._assembler import Assembler, PatternKeys
from ..wire import Serializer, decode_message, encode_message
from ._plan import Plan
from ._scan import Scan, frames
from ._timing import Spread, quiet

STAGES = ("decode", "convert", "infer", "interpret", "publish")
_WARM_UP = 20


def time_stages(engine: Engine, plan: Plan) -> dict[str, Spread]:
    """`STAGES` of one engine: bytes → pattern → grid → outputs → prediction → bytes.

    The pattern's documents are made beforehand and are not counted. Nothing waits for anything
    here: what waiting costs is measured under load.
    """
    two_theta, intensities = frames(plan.points, plan.seed)
    times: dict[str, list[float]] = {name: [] for name in STAGES}
    scan = Scan(two_theta, intensities)
    source = Assembler(PatternKeys(), "bench", "memory", None)
    for message in scan.opening():
        _decode(source, message)
    answers = PredictionRun({"uid": scan.uid}, engine.card, engine.name)
    end = perf_counter() + plan.seconds / 2
    with quiet():
        for seq_num in count(1):
            laps = _one(source, scan.event(seq_num), engine, answers)
            for name, lap in zip(STAGES, laps, strict=True):
                times[name].append(lap * 1e3)
            if perf_counter() > end and seq_num >= 2 * _WARM_UP:
                break
    return {name: Spread.of(t[_WARM_UP:]) for name, t in times.items()}


def _one(
    source: Assembler, message: bytes, engine: Engine, answers: PredictionRun
) -> Iterator[float]:
    """Seconds of each stage."""
    began = perf_counter()
    [pattern] = _decode(source, message)
    decoded = perf_counter()
    grid = to_grid(pattern)
    converted = perf_counter()
    outputs = engine.run(grid.intensity[None])
    inferred = perf_counter()
    prediction = interpret(outputs, [grid], [pattern], engine.card, engine.name)[0]
    interpreted = perf_counter()
    for name, document in answers.event(prediction, pattern.metadata):
        encode_message(name, document, Serializer.MSGPACK, b"alphadiffract")
    published = perf_counter()
    marks = (began, decoded, converted, inferred, interpreted, published)
    return (after - before for before, after in pairwise(marks))


def _decode(source: Assembler, message: bytes) -> list[Pattern]:
    _, name, document = decode_message(message)
    messages = source.feed(name, document)
    return [item.pattern for item in messages if isinstance(item, PatternReceived)]
