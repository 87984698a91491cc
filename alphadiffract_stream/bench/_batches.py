"""Engines side by side, by batch size."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..engines import Engine
from ..grid import to_grid
from ..pattern import HC_KEV_ANGSTROM, Pattern, RadialUnit
from ._plan import Plan
from ._scan import ENERGY, frames
from ._timing import Spread, interleaved


@dataclass(frozen=True, slots=True)
class BatchTimes:
    """One engine at one batch size."""

    engine: str
    batch: int
    call: Spread
    """ms a call."""
    ratio: float
    """Median time of the first engine's call over this one's; above 1 is faster."""

    @property
    def rate(self) -> float:
        """Patterns a second, one call after another."""
        return 1e3 * self.batch / self.call.p50


def time_batches(engines: Mapping[str, Engine], plan: Plan) -> Iterator[list[BatchTimes]]:
    """For each batch size what every engine takes that accepts it, in turns (see `interleaved`)."""
    rows = canonical_rows(plan)
    for batch in plan.batches:
        able = {name: e for name, e in engines.items() if e.max_batch >= batch}
        if not able:
            continue
        patterns = np.ascontiguousarray(np.resize(rows, (batch, rows.shape[1])))
        works = {name: _call(engine, patterns) for name, engine in able.items()}
        spreads = interleaved(works, plan.seconds / 10)
        first = spreads.get(next(iter(engines)))
        yield [
            BatchTimes(name, batch, s, first.p50 / s.p50 if first else float("nan"))
            for name, s in spreads.items()
        ]


def canonical_rows(plan: Plan) -> NDArray[np.float32]:
    """(32, 8192) of the scan's patterns as engines see them."""
    two_theta, intensities = frames(plan.points, plan.seed)
    wavelength = HC_KEV_ANGSTROM / ENERGY
    unit = RadialUnit.TWO_THETA_DEG
    patterns = (Pattern(y, two_theta, unit, wavelength) for y in intensities)
    return np.stack([to_grid(pattern).intensity for pattern in patterns])


def _call(engine: Engine, patterns: NDArray[np.float32]) -> Callable[[], object]:
    return lambda: engine.run(patterns)
