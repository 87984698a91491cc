"""Accuracies and lattice errors with the paper's intervals (§5.6)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alphadiffract_stream.prediction import CRYSTAL_SYSTEMS, Outputs

from ..patterns import SYSTEM_LIMITS


@dataclass(frozen=True, slots=True)
class Metrics:
    """One network on one set. Shares are 0…1."""

    patterns: int
    system_top1: float
    system_interval: float
    """Half-width of the 95 % interval: ensemble (equation 7) and sampling in quadrature."""
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
    baseline_system: float
    """Always answering the set's commonest class."""
    baseline_group: float
    per_system: dict[str, dict[str, float]]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def evaluate_outputs(
    outputs: Outputs,
    space_group: NDArray[np.int64],
    niggli: NDArray[np.float64],
    distances: NDArray[np.float32] | None = None,
) -> Metrics:
    """Metrics of (N) outputs against groups (N,) 1…230 and Niggli cells (N, 6), NaN if unknown.

    `distances`: (230, 230) hops in the subgroup graph.
    """
    system = np.searchsorted(SYSTEM_LIMITS, space_group)
    predicted_system = outputs.crystal_system.argmax(axis=1)
    ranked = np.argsort(-outputs.space_group, axis=1)[:, :5] + 1
    right_system = predicted_system == system
    right_group = ranked[:, 0] == space_group
    right_top5 = (ranked == space_group[:, None]).any(axis=1)
    near = None
    if distances is not None:
        near = float((distances[ranked[:, 0] - 1, space_group - 1] <= 1).mean())
    known = np.isfinite(niggli).all(axis=1)
    error = np.abs(outputs.lattice[known] - niggli[known])
    rows = np.arange(len(system))
    return Metrics(
        patterns=len(system),
        system_top1=float(right_system.mean()),
        system_interval=_interval(right_system, outputs.crystal_system_std[rows, system]),
        group_top1=float(right_group.mean()),
        group_interval=_interval(right_group, outputs.space_group_std[rows, space_group - 1]),
        group_top5=float(right_top5.mean()),
        within_one_edge=near,
        system_ece=expected_calibration_error(outputs.crystal_system.max(axis=1), right_system),
        lattices=int(known.sum()),
        length_mae=float(error[:, :3].mean()) if known.any() else None,
        length_mape=float(100 * (error[:, :3] / niggli[known, :3]).mean()) if known.any() else None,
        angle_mae=float(error[:, 3:].mean()) if known.any() else None,
        baseline_system=float(np.bincount(system).max() / len(system)),
        baseline_group=float(np.bincount(space_group).max() / len(system)),
        per_system={
            name: {
                "patterns": int((system == i).sum()),
                "system_top1": float(right_system[system == i].mean()),
                "group_top1": float(right_group[system == i].mean()),
            }
            for i, name in enumerate(CRYSTAL_SYSTEMS)
            if (system == i).any()
        },
    )


def expected_calibration_error(
    confidence: NDArray[np.floating], right: NDArray[np.bool_], bins: int = 15
) -> float:
    """Mean |accuracy − confidence| over equal bins of confidence, weighted by their sizes."""
    index = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = 0.0
    for b in np.unique(index):
        inside = index == b
        gaps += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    return float(gaps)


def _interval(right: NDArray[np.bool_], member_std: NDArray[np.floating]) -> float:
    """1.96 √(σ_model² + σ_sample²); σ_model by equation (7), σ_sample binomial."""
    n = len(right)
    model = np.sqrt((member_std.astype(np.float64) ** 2).sum()) / n
    sample = right.std(ddof=1) / np.sqrt(n) if n > 1 else 0.0
    return float(1.96 * np.hypot(model, sample))
