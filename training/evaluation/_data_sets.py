"""Labelled patterns from an ``.npz`` of intensities and the ``.json`` of labels beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alphadiffract_stream.pattern import Origin, Pattern, RadialUnit

from ..labelled_set import LabelledSet
from ..static_set import read_labelled
from ._cells import known_niggli

CU_MEAN = 1.5418
"""Å; for sets that are known to be Cu Kα and store no wavelength."""


def load_labelled(path: Path) -> LabelledSet:
    """Read ``NAME.npz`` (intensity (N, n), two_theta_start, _step, wavelength) and ``NAME.json``.

    A folder is read as what `training simulate` wrote.
    Points that are zero at either end of a scan were not measured and are masked. Raises
    FileNotFoundError or KeyError where a piece is missing, ValueError where numbers disagree.
    """
    if path.is_dir():
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
