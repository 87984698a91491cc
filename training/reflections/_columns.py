"""Columns of reflection tables in forms that compress well, and back; numpy alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEVELS = 2**13 - 1
"""Of √(share of the strongest)."""
TWELVE = 12
"""What conventional → Niggli is a fraction of, mostly."""


def unpacked_columns(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The fields of a `ReflectionStore` from the arrays of a pack."""
    counts = arrays["counts"].astype(np.int64)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    level = arrays["strength_high"].astype(np.float32) * 256 + arrays["strength_low"]
    strongest = _from_byte_planes(arrays["strongest"])[0]
    to_niggli = arrays["niggli"].astype(np.float32) / TWELVE
    to_niggli[arrays["niggli_odd"]] = arrays["niggli_odd_matrix"]
    level *= np.float32(1 / LEVELS)
    columns = {
        "identifier": np.array(arrays["identifier"].tobytes().decode().split("\n")),
        "family": arrays["family"],
        "space_group_number": arrays["space_group_number"],
        "cell": np.ascontiguousarray(_from_byte_planes(arrays["cell"]).T),
        "to_niggli": to_niggli,
        "offsets": offsets,
        "hkl": _from_index_steps([arrays[name] for name in "hkl"], offsets),
        "strength": level * level * np.repeat(strongest, counts),
    }
    if "theoretical" in arrays:
        columns["theoretical"] = np.unpackbits(arrays["theoretical"], count=len(counts)) > 0
    return columns


def index_steps(hkl: NDArray[np.int8], offsets: NDArray[np.int64]) -> list[NDArray[np.int8]]:
    """Sorted (R, 3) → three (R,): steps where the indices before are unchanged, else values."""
    fresh = np.zeros(len(hkl), dtype=bool)
    fresh[offsets[:-1]] = True
    columns = []
    for values in hkl.T:
        step = np.diff(values, prepend=values[:1])
        columns.append(np.where(fresh, values, step).astype(np.int8))
        fresh = fresh | (step != 0)
    return columns


def _from_index_steps(
    columns: list[NDArray[np.int8]], offsets: NDArray[np.int64]
) -> NDArray[np.int8]:
    fresh = np.zeros(len(columns[0]), dtype=bool)
    fresh[offsets[:-1]] = True
    hkl = np.empty((len(fresh), 3), dtype=np.int8)
    for i, column in enumerate(columns):
        # A running sum that starts anew at every fresh row; int8 wraps round and back.
        total = np.cumsum(column, dtype=np.int8)
        starts = np.flatnonzero(fresh)
        base = total[starts] - column[starts]
        hkl[:, i] = total - np.repeat(base, np.diff(starts, append=len(fresh)))
        fresh = fresh | (np.diff(hkl[:, i], prepend=hkl[:1, i]) != 0)
    return hkl


def byte_planes(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """(k, n) float32 → (k, 4, n): bytes of one weight together compress best."""
    rows = np.ascontiguousarray(values, dtype="<f4")
    return np.ascontiguousarray(rows.view(np.uint8).reshape(*rows.shape, 4).transpose(0, 2, 1))


def _from_byte_planes(planes: NDArray[np.uint8]) -> NDArray[np.float32]:
    rows = np.ascontiguousarray(planes.transpose(0, 2, 1))
    return rows.view("<f4")[..., 0].astype(np.float32)
