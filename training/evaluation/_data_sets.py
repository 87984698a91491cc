"""Labelled patterns from an ``.npz`` of intensities and the ``.json`` of labels beside it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alphadiffract_stream.pattern import Origin, Pattern, RadialUnit

from ._cells import known_niggli

CU_MEAN = 1.5418
"""Å; for sets that are known to be Cu Kα and store no wavelength."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelledSet:
    """Patterns as measured (or as drawn), with what is known of their crystals."""

    name: str
    patterns: Sequence[Pattern]
    space_group: NDArray[np.int64]
    """(N,) 1…230."""
    niggli: NDArray[np.float64]
    """(N, 6) Å, °; NaN where not known."""
    identifier: tuple[str, ...]
    """(N,)."""
    formula: tuple[str | None, ...]
    """(N,) as the set gives it; None where it does not."""
    structure: NDArray[np.int64]
    """(N,) patterns of one structure share a number (the augmentations of §5.6)."""
    simulated: str = ""
    """Preset the patterns were drawn with; empty for measured ones."""

    def __len__(self) -> int:
        return len(self.space_group)


def load_labelled(path: Path) -> LabelledSet:
    """Read ``NAME.npz`` (intensity (N, n), two_theta_start, _step, wavelength) and ``NAME.json``.

    A folder is read as what `training simulate` wrote.
    Points that are zero at either end of a scan were not measured and are masked. Raises
    FileNotFoundError or KeyError where a piece is missing, ValueError where numbers disagree.
    """
    if path.is_dir():
        from ..static_set import read_labelled  # which is made of labelled sets itself

        return read_labelled(path)
    rows: list[dict[str, Any]] = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    with np.load(path) as arrays:
        intensity = arrays["intensity"]
        start = float(arrays["two_theta_start"]) if "two_theta_start" in arrays else 5.0
        step = float(arrays["two_theta_step"]) if "two_theta_step" in arrays else 0.02
        wavelength = float(arrays["wavelength"]) if "wavelength" in arrays else CU_MEAN
    if len(rows) != len(intensity):
        raise ValueError(f"{path}: {len(intensity)} patterns but {len(rows)} rows of labels")
    two_theta = start + step * np.arange(intensity.shape[1])
    return LabelledSet(
        name=path.stem,
        patterns=[
            _measured(row["id"], two_theta, values.astype(np.float64), wavelength)
            for row, values in zip(rows, intensity, strict=True)
        ],
        space_group=np.array([row["space_group"] for row in rows]),
        niggli=np.array([known_niggli(row) for row in rows]),
        identifier=tuple(str(row["id"]) for row in rows),
        formula=tuple(_formula(row) for row in rows),
        structure=np.arange(len(rows)),
    )


def _measured(
    identifier: str, two_theta: NDArray[np.float64], values: NDArray[np.float64], wavelength: float
) -> Pattern:
    present = np.flatnonzero(values)
    span = slice(present[0], present[-1] + 1) if present.size else slice(None)
    return Pattern(
        intensity=values[span],
        axis=two_theta[span],
        unit=RadialUnit.TWO_THETA_DEG,
        wavelength=wavelength,
        wavelength_source="data set",
        origin=Origin(transport="data set", name=identifier),
    )


def _formula(row: dict[str, Any]) -> str | None:
    """Given as such, or the first part of a name like ``AcF3_225``."""
    known = row.get("formula") or row.get("derived_formula")
    name = str(row.get("name", ""))
    if not known and name.endswith(f"_{row['space_group']}"):
        known = name.rpartition("_")[0]
    return str(known) if known else None
