"""What is reached without looking at the pattern: the paper's naive rows, and more."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alphadiffract_stream.prediction import Outputs

from ..patterns import SYSTEM_LIMITS
from ..reflections import ReflectionStore
from ._cells import store_niggli
from ._intervals import Regression, mean_regression, regression

Array = NDArray[np.floating]


@dataclass(frozen=True, slots=True, eq=False)
class Prior:
    """What is known before any pattern is seen."""

    source: str
    group_counts: NDArray[np.float64]
    """(230,) structures of each space group."""
    mean_cell: NDArray[np.float64]
    """(6,) mean Niggli cell, Å and °; NaN where none is known."""
    system_cells: NDArray[np.float64]
    """(7, 6) mean Niggli cell of each crystal system; NaN for a system that does not occur."""

    @property
    def system_counts(self) -> NDArray[np.float64]:
        """(7,) structures of each crystal system."""
        system = np.searchsorted(SYSTEM_LIMITS, np.arange(1, 231))
        counts = np.bincount(system, weights=self.group_counts, minlength=7)
        return counts.astype(np.float64)


def prior_of_store(store: ReflectionStore, crystals: NDArray[np.int64]) -> Prior:
    """Of training structures: `crystals` (n,) indices into `store`."""
    groups = store.space_group_number[crystals].astype(np.int64)
    return _prior("training structures", groups, store_niggli(store)[crystals])


def prior_of_set(space_group: NDArray[np.int64], niggli: Array) -> Prior:
    """Of the test set itself, where the training structures are not at hand."""
    known = np.isfinite(niggli).all(axis=1)
    prior = _prior("the set itself", space_group[known], np.asarray(niggli[known], np.float64))
    counts = np.bincount(space_group, minlength=231)[1:].astype(np.float64)
    return Prior(prior.source, counts, prior.mean_cell, prior.system_cells)


def _prior(source: str, groups: NDArray[np.int64], cells: NDArray[np.float64]) -> Prior:
    system = np.searchsorted(SYSTEM_LIMITS, groups)
    per_system = np.full((7, 6), np.nan)
    for i in np.unique(system):
        per_system[i] = cells[system == i].mean(axis=0)
    mean = cells.mean(axis=0) if len(cells) else np.full(6, np.nan)
    return Prior(source, np.bincount(groups, minlength=231)[1:].astype(float), mean, per_system)


@dataclass(frozen=True, slots=True)
class Baselines:
    """Accuracies 0…1; lattice errors as `Regression` without deviations."""

    prior: str
    """Where frequencies and mean cells are from."""
    system_majority: float
    """Always the most abundant class (the paper's baseline)."""
    group_majority: float
    system_random: float
    """Classes guessed at their frequencies: the expected accuracy."""
    group_random: float
    mean_cell: dict[str, dict[str, float]]
    """Always the mean cell (the paper's baseline): ``lengths`` and ``angles``."""
    true_system_cell: dict[str, dict[str, float]]
    """The mean cell of the true crystal system: what knowing the system alone is worth."""
    predicted_system_cell: dict[str, dict[str, float]]
    """The mean cell of the system the network says."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def baselines(
    prior: Prior, space_group: NDArray[np.int64], niggli: Array, outputs: Outputs
) -> Baselines:
    """Naive answers for groups (N,) 1…230 and Niggli cells (N, 6), NaN where unknown."""
    system = np.searchsorted(SYSTEM_LIMITS, space_group)
    known = np.isfinite(niggli).all(axis=1)
    true = np.asarray(niggli[known], np.float64)
    said = outputs.crystal_system.argmax(axis=1)
    filled = np.where(np.isfinite(prior.system_cells), prior.system_cells, prior.mean_cell)
    return Baselines(
        prior.source,
        *_class_baselines(prior.system_counts, system, prior.group_counts, space_group - 1),
        mean_cell=_cell_errors(np.broadcast_to(prior.mean_cell, true.shape), true),
        true_system_cell=_cell_errors(filled[system[known]], true),
        predicted_system_cell=_cell_errors(filled[said[known]], true),
    )


def _class_baselines(
    system_counts: Array,
    system: NDArray[np.int64],
    group_counts: Array,
    group: NDArray[np.int64],
) -> tuple[float, float, float, float]:
    return (
        float((system == system_counts.argmax()).mean()),
        float((group == group_counts.argmax()).mean()),
        float((system_counts / system_counts.sum())[system].mean()),
        float((group_counts / group_counts.sum())[group].mean()),
    )


def _cell_errors(predicted: Array, true: Array) -> dict[str, dict[str, float]]:
    if not len(true) or not np.isfinite(predicted).all():
        return {}
    none, each = np.zeros(len(true)), np.arange(len(true))
    parts: list[Regression] = [
        regression(predicted[:, i], true[:, i], none, each) for i in range(6)
    ]
    return {
        "lengths": mean_regression(parts[:3]).as_dict(),
        "angles": mean_regression(parts[3:]).as_dict(),
    }
