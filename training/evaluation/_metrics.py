"""Accuracies and lattice errors with the paper's intervals (§5.6)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alphadiffract_stream.prediction import CRYSTAL_SYSTEMS, Outputs

from ..patterns import SYSTEM_LIMITS
from ._intervals import Regression, accuracy_interval, mean_regression, regression
from ._same_cell import cells_found
from ._trust import COVERAGES, expected_calibration_error, risk_coverage

TOP = (1, 2, 3, 5, 10)
LATTICE = ("a", "b", "c", "alpha", "beta", "gamma")


@dataclass(frozen=True, slots=True)
class Metrics:
    """One network on one set. Shares are 0…1, intervals half-widths of 95 %."""

    patterns: int
    system_top1: float
    system_interval: float
    """Equations (7) and (9) in quadrature."""
    group_top1: float
    group_interval: float
    group_top5: float
    within_one_edge: float | None
    """Share within one edge of the subgroup graph; None without the graph."""
    system_ece: float
    """Expected calibration error of the crystal system, 15 bins."""
    lattices: int
    length_mae: float | None
    """Å."""
    length_mape: float | None
    """%."""
    angle_mae: float | None
    """Degrees."""
    cells_found: float | None
    """Share of cells that are the true one, within 3 % and 2°."""
    baseline_system: float
    """Always answering the set's commonest class."""
    baseline_group: float
    per_system: dict[str, dict[str, float]]
    system_model_interval: float
    """Equation (7) alone, as the paper gives it for RRUFF."""
    group_model_interval: float
    group_ece: float
    structures: int
    system_top: dict[str, float]
    group_top: dict[str, float]
    graph_distance: list[float] | None
    """Share of patterns at 0, 1, 2 … edges from the true group."""
    confusion: list[list[int]]
    """[true][predicted] crystal system, triclinic … cubic."""
    risk_coverage: dict[str, dict[str, float]]
    """Accuracy of the most confident shares, and the mean risk, of system and group."""
    lattice: dict[str, dict[str, float]]
    """MAE, MAPE, R² of each parameter and of ``lengths`` and ``angles``; empty without cells."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def evaluate_outputs(
    outputs: Outputs,
    space_group: NDArray[np.int64],
    niggli: NDArray[np.float64],
    distances: NDArray[np.floating] | None = None,
    structure: NDArray[np.int64] | None = None,
) -> Metrics:
    """Metrics of (N) outputs against groups (N,) 1…230 and Niggli cells (N, 6), NaN if unknown.

    `distances`: (230, 230) hops in the subgroup graph. `structure`: (N,) equal where patterns are
    augmentations of one structure; each its own by default. Raises ValueError for an empty set.
    """
    if len(space_group) == 0:
        raise ValueError("no patterns to evaluate")
    n = len(space_group)
    structure = np.arange(n) if structure is None else structure
    system = np.searchsorted(SYSTEM_LIMITS, space_group)
    right_system, system_rank = _ranks(outputs.crystal_system, system)
    right_group, group_rank = _ranks(outputs.space_group, space_group - 1)
    rows = np.arange(n)
    std_system = outputs.crystal_system_std[rows, system]
    std_group = outputs.space_group_std[rows, space_group - 1]
    system_interval = accuracy_interval(right_system, std_system, structure)
    group_interval = accuracy_interval(right_group, std_group, structure)
    hops = graph_hops(outputs, space_group, distances)
    errors = lattice_regressions(outputs, niggli, structure)
    known = np.isfinite(niggli).all(axis=1)
    lengths, angles = errors.get("lengths"), errors.get("angles")
    system_confidence = outputs.crystal_system.max(axis=1)
    group_confidence = outputs.space_group.max(axis=1)
    per_system = {}
    for i, name in enumerate(CRYSTAL_SYSTEMS):
        here = system == i
        if here.any():
            parts = (right_system[here], std_system[here], structure[here])
            group_parts = (right_group[here], std_group[here], structure[here])
            per_system[name] = {
                "patterns": int(here.sum()),
                "system_top1": float(right_system[here].mean()),
                "system_interval": accuracy_interval(*parts).total,
                "group_top1": float(right_group[here].mean()),
                "group_interval": accuracy_interval(*group_parts).total,
            }
    return Metrics(
        patterns=n,
        system_top1=float(right_system.mean()),
        system_interval=system_interval.total,
        group_top1=float(right_group.mean()),
        group_interval=group_interval.total,
        group_top5=float((group_rank < 5).mean()),
        within_one_edge=None if hops is None else float((hops <= 1).mean()),
        system_ece=expected_calibration_error(system_confidence, right_system),
        lattices=int(known.sum()),
        length_mae=lengths.mae if lengths else None,
        length_mape=lengths.mape if lengths else None,
        angle_mae=angles.mae if angles else None,
        cells_found=(
            float(cells_found(outputs.lattice[known], niggli[known]).mean())
            if known.any()
            else None
        ),
        baseline_system=float(np.bincount(system).max() / n),
        baseline_group=float(np.bincount(space_group).max() / n),
        per_system=per_system,
        system_model_interval=system_interval.model,
        group_model_interval=group_interval.model,
        group_ece=expected_calibration_error(group_confidence, right_group),
        structures=len(np.unique(structure)),
        system_top={str(k): float((system_rank < k).mean()) for k in TOP[:3]},
        group_top={str(k): float((group_rank < k).mean()) for k in TOP},
        graph_distance=None if hops is None else (np.bincount(hops, minlength=7) / n).tolist(),
        confusion=confusion(system, outputs.crystal_system.argmax(axis=1)).tolist(),
        risk_coverage={
            "system": _confident(system_confidence, right_system),
            "group": _confident(group_confidence, right_group),
        },
        lattice={name: part.as_dict() for name, part in errors.items()},
    )


def graph_hops(
    outputs: Outputs, space_group: NDArray[np.int64], distances: NDArray[np.floating] | None
) -> NDArray[np.int64] | None:
    """(N,) edges between the predicted and the true group; None without the graph."""
    if distances is None:
        return None
    return distances[outputs.space_group.argmax(axis=1), space_group - 1].astype(np.int64)


def lattice_regressions(
    outputs: Outputs, niggli: NDArray[np.float64], structure: NDArray[np.int64]
) -> dict[str, Regression]:
    """Errors of a, b, c, alpha, beta, gamma, and of ``lengths`` and ``angles``: means of three."""
    known = np.isfinite(niggli).all(axis=1)
    if not known.any():
        return {}
    parts = [
        regression(
            outputs.lattice[known, i],
            niggli[known, i],
            outputs.lattice_std[known, i],
            structure[known],
        )
        for i in range(6)
    ]
    means = {"lengths": mean_regression(parts[:3]), "angles": mean_regression(parts[3:])}
    return {**dict(zip(LATTICE, parts, strict=True)), **means}


def confusion(true: NDArray[np.int64], predicted: NDArray[np.int64]) -> NDArray[np.int64]:
    """(7, 7) counts, rows the true crystal system."""
    return np.bincount(7 * true + predicted, minlength=49).reshape(7, 7)


def _ranks(
    probability: NDArray[np.floating], target: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """(N,) whether the most probable class is right, and the place of the true one, from 0."""
    order = np.argsort(-probability, axis=1, kind="stable")
    rank = (order == target[:, None]).argmax(axis=1)
    return rank == 0, rank


def _confident(confidence: NDArray[np.floating], right: NDArray[np.bool_]) -> dict[str, float]:
    curve = risk_coverage(confidence, right)
    shares = {f"{share:.0%}": curve.at(share) for share in COVERAGES}
    return {**shares, "mean_risk": curve.area_of_risk}
