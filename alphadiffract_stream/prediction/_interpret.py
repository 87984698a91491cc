"""Raw outputs of a network turned into predictions with uncertainty, status and reasons."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..crystal import (
    CRYSTAL_SYSTEMS,
    conventional_cell,
    crystal_system_index,
    space_group_symbol,
)
from ..errors import EngineError, PatternError
from ..pattern import Origin, Pattern
from ._card import ModelCard
from ._novelty import novelties
from ._outputs import SIGNATURE, Outputs
from ._prediction import Prediction, SpaceGroupCandidate, Status

if TYPE_CHECKING:  # the grid brings background removal with it; an answer needs only its shape
    from ..grid import GridPattern

TOP = 5
"""Space groups reported for each pattern."""
_SUM_TOLERANCE = 0.02
"""Probabilities may sum to 1 within this (half-precision engines); beyond, they are logits."""

_SMALLEST = np.finfo(np.float64).tiny
"""0 · log 0 is 0."""

Floats = NDArray[np.floating]


def interpret(
    outputs: Outputs,
    grids: Sequence[GridPattern],
    patterns: Sequence[Pattern],
    card: ModelCard,
    engine: str,
) -> list[Prediction]:
    """Predictions for a batch, in its order; row i of `outputs` answers ``patterns[i]``.

    grids, patterns: N each. Status is the first of these that holds: ``failed`` (the engine gave
    numbers that cannot be right), ``out_of_domain`` (coverage below the card's, or an embedding
    farther from the validation set than its threshold), ``low_confidence``, ``ok``.
    Raises EngineError when the number of rows is not N.
    """
    if not len(outputs) == len(grids) == len(patterns):
        raise EngineError(f"{engine}: {len(outputs)} answers to {len(patterns)} patterns")
    batch = _Batch.of(outputs, card)
    faults = _faults(outputs)
    return [
        failure(pattern.origin, EngineError(f"{engine}: {fault}"), coverage=grid.coverage)
        if (fault := faults[row])
        else _prediction(batch, row, grid, pattern, card, engine)
        for row, (grid, pattern) in enumerate(zip(grids, patterns, strict=True))
    ]


def refusal(origin: Origin, error: PatternError, *, coverage: float = 0.0) -> Prediction:
    """The answer to a pattern that cannot be analysed."""
    return Prediction(origin, Status.REFUSED, reason=str(error), coverage=coverage)


def failure(origin: Origin, error: BaseException, *, coverage: float = 0.0) -> Prediction:
    """The answer to a good pattern that the engine could not answer."""
    reason = str(error) or type(error).__name__
    return Prediction(origin, Status.FAILED, reason=reason, coverage=coverage)


class _Batch(NamedTuple):
    """Everything that is worth computing for N patterns at once."""

    systems: list[int]
    probabilities: list[list[float]]
    system_std: list[list[float]]
    top: list[list[int]]
    top_probability: list[list[float]]
    top_std: list[list[float]]
    consistency: list[float]
    entropy: list[float]
    novelty: list[float]
    lattice: list[list[float]]
    lattice_std: list[list[float]]
    embedding: list[list[float]]

    @classmethod
    def of(cls, outputs: Outputs, card: ModelCard) -> _Batch:
        """Rows that are not finite give nonsense here and are never read."""
        groups = outputs.space_group.astype(np.float64)
        systems = outputs.crystal_system.argmax(axis=1)
        top = np.argsort(-groups, axis=1, kind="stable")[:, :TOP]
        rows = np.arange(len(top))[:, None]
        with np.errstate(all="ignore"):
            sums = np.add.reduceat(groups, _first_groups(), axis=1)
            consistency = sums[rows[:, 0], systems] / sums.sum(axis=1)
            entropy = -(groups * np.log(np.maximum(groups, _SMALLEST))).sum(axis=1)
            novelty = novelties(outputs.embedding, card.domain)
            spread = outputs.lattice_std.astype(np.float64)
            lattice_std = np.hypot(spread, card.lattice_std or 0.0)
        return cls(
            systems=systems.tolist(),
            probabilities=outputs.crystal_system.tolist(),
            system_std=outputs.crystal_system_std.tolist(),
            top=(top + 1).tolist(),
            top_probability=groups[rows, top].tolist(),
            top_std=outputs.space_group_std[rows, top].tolist(),
            consistency=consistency.tolist(),
            entropy=entropy.tolist(),
            novelty=novelty.tolist(),
            lattice=outputs.lattice.tolist(),
            lattice_std=lattice_std.tolist(),
            embedding=outputs.embedding.tolist(),
        )


def _prediction(
    batch: _Batch, row: int, grid: GridPattern, pattern: Pattern, card: ModelCard, engine: str
) -> Prediction:
    system = batch.systems[row]
    probability = batch.probabilities[row][system]
    lattice = tuple(batch.lattice[row])
    conventional, misfit, lattice_flags = _conventional(lattice, batch.top[row][0])
    status, reason = _status(grid.coverage, batch.novelty[row], probability, card)
    return Prediction(
        origin=pattern.origin,
        status=status,
        reason=reason,
        crystal_system=CRYSTAL_SYSTEMS[system],
        crystal_system_probability=probability,
        crystal_system_std=batch.system_std[row][system],
        crystal_system_probabilities=tuple(batch.probabilities[row]),
        space_groups=tuple(
            SpaceGroupCandidate(number, _symbol(number), p, std)
            for number, p, std in zip(
                batch.top[row], batch.top_probability[row], batch.top_std[row], strict=True
            )
        ),
        lattice=lattice,
        lattice_std=tuple(batch.lattice_std[row]),
        conventional=conventional,
        conventional_misfit=misfit,
        consistency=batch.consistency[row],
        entropy=batch.entropy[row],
        coverage=float(grid.coverage),
        novelty=batch.novelty[row],
        flags=(*grid.flags, *lattice_flags),
        embedding=tuple(batch.embedding[row]),
        engine=engine,
    )


def _status(
    coverage: float, novelty: float, probability: float, card: ModelCard
) -> tuple[Status, str]:
    if coverage < card.minimum_coverage:
        return Status.OUT_OF_DOMAIN, (
            f"the pattern covers {coverage:.0%} of d = 1.785…7.106 Å, "
            f"less than the {card.minimum_coverage:.0%} this model needs"
        )
    if novelty > 1:
        return Status.OUT_OF_DOMAIN, (
            f"unlike anything in training: embedding {novelty:.3g} times the distance "
            "that 99.9 % of validation patterns stay below"
        )
    if probability < card.low_confidence_below:
        return Status.LOW_CONFIDENCE, (
            f"crystal-system probability {probability:.2f} is below {card.low_confidence_below:g}"
        )
    return Status.OK, ""


def _conventional(
    lattice: tuple[float, ...], space_group_number: int
) -> tuple[tuple[float, ...], float, tuple[str, ...]]:
    """Conventional cell and misfit; NaN and a flag where six numbers make no cell."""
    found = conventional_cell(lattice, space_group_number)
    flags = () if np.isfinite(found.misfit) else ("lattice_not_a_cell",)
    return tuple(found.cell), found.misfit, flags


def _faults(outputs: Outputs) -> list[str]:
    """What makes each row unusable; empty where nothing does."""
    faults = [""] * len(outputs)
    # Seven arrays looked at in one go: this is on the way of every answer, trouble hardly ever.
    if not np.isfinite(np.concatenate([getattr(outputs, n) for n in SIGNATURE], axis=1)).all():
        _find_infinite(outputs, faults)
    for name in ("crystal_system", "space_group"):
        for row, total in enumerate(getattr(outputs, name).sum(axis=1, dtype=np.float64).tolist()):
            if abs(total - 1) > _SUM_TOLERANCE:
                faults[row] = faults[row] or (
                    f"{name} sums to {total:.4g}, not to 1; the model must return probabilities"
                )
    return faults


def _find_infinite(outputs: Outputs, faults: list[str]) -> None:
    for name in SIGNATURE:
        finite = np.isfinite(getattr(outputs, name)).all(axis=1)
        for row in np.flatnonzero(~finite):
            faults[row] = faults[row] or f"{name} is not finite; check the engine and its precision"


@lru_cache(maxsize=1)
def _first_groups() -> NDArray[np.intp]:
    """(7,) index of each crystal system's first space group; they are numbered system by system."""
    systems = [crystal_system_index(number) for number in range(1, 231)]
    return np.searchsorted(systems, range(len(CRYSTAL_SYSTEMS)))


@lru_cache(maxsize=230)
def _symbol(number: int) -> str:
    return space_group_symbol(number)
