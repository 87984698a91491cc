"""What is published, and what must come of it: the stream that the account is held against."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alphadiffract_stream.bench._scan import ENERGY, Scan, frames
from alphadiffract_stream.engines import Engine
from alphadiffract_stream.pattern import HC_KEV_ANGSTROM, Pattern, RadialUnit
from alphadiffract_stream.service import predict_each
from alphadiffract_stream.wire import decode_message

POINTS = 2048
_BAD = 0.1
"""Share of events that cannot be used."""


@dataclass(frozen=True, slots=True)
class TrueEvent:
    """One event: its bytes, and which frame is in it; None where it must be refused."""

    seq_num: int
    uid: str
    message: bytes
    frame: int | None


class TrueRun:
    """One raw run as it is published; every document is made once and sent as often as needed."""

    def __init__(self, two_theta: NDArray[np.float64], rows: list[Any], shown: list[int | None]):
        # `Scan` takes the row of its seq_num; numbers begin at 1, so that row 0 stands for nothing.
        scan = Scan(two_theta, [rows[0], *rows])  # type: ignore[arg-type]
        self.uid = scan.uid
        self.opening = scan.opening()
        self.events = [_event(scan, n, frame) for n, frame in enumerate(shown, start=1)]
        self.stop = scan.stop()

    def __len__(self) -> int:
        return len(self.events)

    @cached_property
    def seq_nums(self) -> frozenset[int]:
        """All that the run declares."""
        return frozenset(event.seq_num for event in self.events)


@dataclass(frozen=True, slots=True)
class Truth:
    """Some runs, and what the network says of each frame in them."""

    runs: list[TrueRun]
    answers: list[tuple[str, float]]
    """Crystal system and its probability, by frame."""

    @property
    def events(self) -> int:
        """Of all runs together."""
        return sum(map(len, self.runs))


def make_truth(seed: int, runs: int, events: int, engine: Engine) -> Truth:
    """`runs` runs of some `events` events; a tenth of them cannot be used."""
    rng = random.Random(seed)  # noqa: S311 - not for secrets
    two_theta, counts = frames(POINTS, seed)
    made = []
    for _ in range(runs):
        number = max(1, round(events * rng.uniform(0.6, 1.4)))
        shown = [rng.randrange(len(counts)) if rng.random() > _BAD else None for _ in range(number)]
        rows = [_unusable(rng) if frame is None else counts[frame] for frame in shown]
        made.append(TrueRun(two_theta, rows, shown))
    return Truth(made, _answers(two_theta, counts, engine))


def _event(scan: Scan, seq_num: int, frame: int | None) -> TrueEvent:
    message = scan.event(seq_num)
    return TrueEvent(seq_num, decode_message(message)[2]["uid"], message, frame)


def _unusable(rng: random.Random) -> Any:
    """NaN, flat, of the wrong length, or no array at all."""
    nothing = np.full(POINTS, np.nan, np.float32), np.ones(POINTS, np.float32)
    return rng.choice([*nothing, np.ones(100, np.float32), "an array"])


def _answers(
    two_theta: NDArray[np.float64], counts: NDArray[np.float32], engine: Engine
) -> list[tuple[str, float]]:
    wavelength = HC_KEV_ANGSTROM / ENERGY
    patterns = [Pattern(row, two_theta, RadialUnit.TWO_THETA_DEG, wavelength) for row in counts]
    return [
        (prediction.crystal_system, float(prediction.crystal_system_probability))
        for prediction in predict_each(patterns, engine)
    ]
