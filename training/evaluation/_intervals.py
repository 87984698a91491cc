"""Confidence intervals of the paper, §5.6, equations (7)–(13)."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

Array = NDArray[np.floating]
Z_95 = 1.96


@dataclass(frozen=True, slots=True)
class Interval:
    """Half-widths of 95 % intervals of an accuracy, shares 0…1."""

    model: float
    """Equation (7): spread of the members. 0 for one member."""
    sampling: float
    """Equations (8) and (9), over structures. The paper leaves it out for RRUFF, which has one
    pattern a structure; there it is the sampling error of the accuracy, and stays in."""
    total: float
    """Both in quadrature."""

    def as_dict(self) -> dict[str, float]:
        """For JSON."""
        return asdict(self)


def accuracy_interval(
    right: NDArray[np.bool_], member_std: Array, structure: NDArray[np.int64]
) -> Interval:
    """Interval of the mean of `right` (N,).

    member_std: (N,) standard deviation over members of the true class's probability. structure:
    (N,) equal where patterns are augmentations of one structure.
    """
    model = Z_95 * float(np.sqrt(np.square(member_std, dtype=np.float64).sum())) / len(right)
    share = by_structure(right.astype(np.float64), structure)
    n = len(share)
    sampling = 0.0
    if n > 1:
        sampling = float(student.ppf(0.975, n - 1) * share.std(ddof=1) / np.sqrt(n))
    return Interval(model, sampling, float(np.hypot(model, sampling)))


@dataclass(frozen=True, slots=True)
class Regression:
    """Errors of one lattice parameter, or the mean over three, with standard deviations."""

    mae: float
    """Å or degrees."""
    mae_std: float
    mape: float
    """%."""
    mape_std: float
    r2: float
    """Coefficient of determination; NaN where all true values are alike."""
    r2_std: float

    def as_dict(self) -> dict[str, float]:
        """For JSON."""
        return asdict(self)


def regression(
    predicted: Array, true: Array, member_std: Array, structure: NDArray[np.int64]
) -> Regression:
    """MAE, MAPE and R² over patterns (N,), their deviations over structures: (10)–(13).

    σ_aug is the deviation of the error over a structure's patterns: the same as that of the
    prediction where the truth stands still, and right where strained patterns carry strained truth.
    """
    error = predicted.astype(np.float64) - true
    mean_true = by_structure(true, structure)
    mean_error = by_structure(error, structure)
    n = len(mean_true)
    model = by_structure(np.square(member_std, dtype=np.float64), structure)
    augmentation = (by_structure(np.square(error), structure) - mean_error**2).clip(0)
    total = np.sqrt(model + augmentation)  # (10)
    spread = float(np.square(mean_true - mean_true.mean()).sum())
    all_spread = float(np.square(true - true.mean()).sum())
    explained = 1 - float(np.square(error).sum()) / all_spread if all_spread > 0 else float("nan")
    slope = 2 * mean_error / spread if spread > 0 else np.full(n, np.nan)
    return Regression(
        mae=float(np.abs(error).mean()),
        mae_std=float(np.sqrt(np.square(total).sum())) / n,  # (11)
        mape=100 * float(np.abs(error / true).mean()),
        mape_std=100 * float(np.sqrt(np.square(total / np.abs(mean_true)).sum())) / n,  # (12)
        r2=explained,
        r2_std=float(np.sqrt(np.square(slope * total).sum())),  # (13)
    )


def mean_regression(parts: list[Regression]) -> Regression:
    """Mean of several parameters, as Table 3 is of supplementary Table 2."""
    rows = np.array([list(asdict(part).values()) for part in parts])
    values = rows[:, ::2].mean(axis=0)
    deviations = np.sqrt(np.square(rows[:, 1::2]).sum(axis=0)) / len(parts)
    return Regression(*(float(v) for v in np.stack([values, deviations], axis=1).ravel()))


def by_structure(values: Array, structure: NDArray[np.int64]) -> NDArray[np.float64]:
    """(n,) means of (N,) `values` over the patterns of each structure."""
    _, index = np.unique(structure, return_inverse=True)
    return np.bincount(index, weights=values) / np.bincount(index)
