"""Niggli cells of labelled rows and of whole reflection stores."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from alphadiffract_stream.crystal import (
    bravais_type,
    cell_from_metric,
    metric_tensor,
    niggli_cell,
)

from ..reflections import ReflectionStore

UNKNOWN = (float("nan"),) * 6
ANGLE_SLACK, LENGTH_SLACK = 0.01, 1e-4
"""Degrees, and a share of the length: how exactly a listed cell must obey its symmetry."""


def known_niggli(row: dict[str, Any]) -> tuple[float, ...]:
    """(6,) Å, °: ``niggli`` or ``derived_niggli`` of a row, else reduced from its ``cell``.

    A ``cell`` may be the conventional one or already primitive, as data sets mix them: it is
    taken for conventional where its metric has the symmetry of the row's space group. NaN where
    the row knows no cell.
    """
    given = row.get("niggli") or row.get("derived_niggli")
    if given:
        return tuple(float(v) for v in given)
    cell = row.get("cell")
    if not cell:
        return UNKNOWN
    bravais = bravais_type(int(row["space_group"]))
    centring = bravais[1] if _is_conventional([float(v) for v in cell], bravais) else "P"
    return niggli_cell(cell, centring)


def _is_conventional(cell: list[float], bravais: str) -> bool:
    lengths, angles = np.array(cell[:3]), np.array(cell[3:])

    def same(*axes: int) -> bool:
        return bool(np.ptp(lengths[list(axes)]) <= LENGTH_SLACK * lengths.max())

    def fixed(*wanted: float | None) -> bool:
        pairs = zip(angles, wanted, strict=True)
        return all(want is None or abs(angle - want) <= ANGLE_SLACK for angle, want in pairs)

    match bravais[0]:
        case "c":
            return same(0, 1, 2) and fixed(90, 90, 90)
        case "t":
            return same(0, 1) and fixed(90, 90, 90)
        case "h":
            return same(0, 1) and fixed(90, 90, 120)
        case "o":
            return fixed(90, 90, 90)
        case "m":
            return fixed(90, None, 90)
        case _:
            return False


def store_niggli(store: ReflectionStore) -> NDArray[np.float64]:
    """(N, 6) Å, °, of every crystal of `store`."""
    turn = store.to_niggli.astype(np.float64)
    return cell_from_metric(turn @ metric_tensor(store.cell) @ np.swapaxes(turn, 1, 2))
