"""The set as `training evaluate` reads it, with who is missing and why beside it."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from alphadiffract_stream.errors import AlphaDiffractError
from alphadiffract_stream.grid import GRID_MIN, GRID_STEP, GRID_WAVELENGTH

from ._screen import Entry, Screening


def write_set(screening: Screening, path: Path, *, measured_only: bool = False) -> list[Entry]:
    """``NAME.npz``, ``NAME.json``, ``NAME.dropped.csv``, ``NAME.counts.json``; what is in it.

    measured_only: without patterns computed from single-crystal data, which the paper kept.
    Raises AlphaDiffractError where nothing passed.
    """
    entries = [e for e in screening.entries if not (measured_only and e.calculated)]
    _write_dropped(screening, path.with_suffix(".dropped.csv"))
    if not entries:
        raise AlphaDiffractError(f"no pattern passed; see {path.with_suffix('.dropped.csv')}")
    rows = [
        {
            "id": entry.sample,
            "name": entry.mineral,
            "formula": entry.formula,
            "space_group": entry.space_group,
            "crystal_system": entry.crystal_system,
            "cell": entry.cell,
            "niggli": entry.niggli,
            "calculated": entry.calculated,
            "measured_wavelength": entry.wavelength,
        }
        for entry in entries
    ]
    path.with_suffix(".json").write_text(json.dumps(rows, indent=1, ensure_ascii=False), "utf-8")
    np.savez_compressed(
        path,
        intensity=np.stack([entry.intensity for entry in entries]),
        two_theta_start=GRID_MIN,
        two_theta_step=GRID_STEP,
        wavelength=GRID_WAVELENGTH,
    )
    counts = {
        "steps": screening.steps,
        "dropped": dict(screening.counts()),
        "calculated": _shares(entries, [e.calculated for e in entries]),
        "written": len(entries),
        "measured_only": measured_only,
    }
    text = json.dumps(counts, indent=1, ensure_ascii=False)
    path.with_suffix(".counts.json").write_text(text, encoding="utf-8")
    return entries


def _shares(entries: Sequence[Entry], marked: Sequence[bool]) -> dict[str, int]:
    with_cell = [m for e, m in zip(entries, marked, strict=True) if e.niggli is not None]
    return {"for symmetry": sum(marked), "for the lattice": sum(with_cell)}


def _write_dropped(screening: Screening, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "rule", "detail"])
        rows.writerows((item.name, item.rule, item.detail) for item in screening.dropped)
