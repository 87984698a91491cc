"""Structures from a folder of ``mp_*.jsonl.xz``: one JSON object a line."""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class StructureRecord:
    """Every atom of a cell, as a data base gives it (P1, any setting)."""

    identifier: str
    formula: str
    space_group_number: int
    """At symprec 0.1 Å."""
    space_group_number_tight: int
    """At symprec 0.01 Å; where the two differ the group is not certain."""
    lattice: NDArray[np.float64]
    """(3, 3) rows a, b, c, Å."""
    fractional: NDArray[np.float64]
    """(n, 3)."""
    atomic_numbers: NDArray[np.int32]
    """(n,)."""

    @property
    def family(self) -> str:
        """Near-duplicates share it; a family never straddles training and validation."""
        counts = np.unique(self.atomic_numbers, return_counts=True)
        divisor = np.gcd.reduce(counts[1])
        reduced = "".join(f"{z}-{n // divisor}." for z, n in zip(*counts, strict=True))
        return f"{reduced}{self.space_group_number}"


def read_materials_project(folder: Path) -> Iterator[StructureRecord]:
    """Records of every ``*.jsonl.xz`` in `folder`, in file order."""
    files = sorted(folder.glob("*.jsonl.xz"))
    if not files:
        raise FileNotFoundError(f"{folder}: no *.jsonl.xz structure files")
    for path in files:
        with lzma.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                yield StructureRecord(
                    identifier=row["id"],
                    formula=row["f"],
                    space_group_number=row["sg"],
                    space_group_number_tight=row["sg01"],
                    lattice=lattice_vectors(row["pc"]),
                    fractional=np.array(row["X"]),
                    atomic_numbers=np.array(row["Z"], dtype=np.int32),
                )


def lattice_vectors(cell: list[float]) -> NDArray[np.float64]:
    """Rows a ∥ x, b in the xy plane, c (Å) of a cell a b c α β γ (Å, °)."""
    a, b, c = cell[:3]
    cos_a, cos_b, cos_g = np.cos(np.radians(cell[3:]))
    sin_g = np.sqrt(1 - cos_g**2)
    x = c * cos_b
    y = c * (cos_a - cos_b * cos_g) / sin_g
    return np.array([[a, 0, 0], [b * cos_g, b * sin_g, 0], [x, y, np.sqrt(c * c - x * x - y * y)]])
