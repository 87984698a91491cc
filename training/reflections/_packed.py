"""Packed reflection tables: the whole Materials Project in some 30 MiB, one file for everything.

A zip of numpy arrays like any ``.npz``, but each column is first made easy to compress:

* hkl sorted within a crystal, h as steps, k and l as steps while what is left of them is unchanged;
* √(strength / strongest of the crystal) in 13 bits, split in two byte planes (the lower one is
  as good as random and stored as it is). The root keeps weak lines in proportion: the error of a
  line is at most 1.2e-4 √s of the strongest, s being its share;
* conventional → Niggli times 12 as small integers; the few that are no twelfths kept aside.

numpy and the standard library alone, in both directions.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ._symmetry import SymmetryTables

if TYPE_CHECKING:
    from ._store import ReflectionStore

LEVELS = 2**13 - 1
TWELVE = 12
INCOMPRESSIBLE = frozenset({"strength_low", "family"})


def write_pack(store: ReflectionStore, symmetry: SymmetryTables, path: Path) -> None:
    """Write `store` and `symmetry` packed; atomically. Raises ValueError without a graph."""
    if symmetry.distances is None:
        raise ValueError("symmetry.distances: a pack carries the subgroup graph; give its edges")
    columns = {
        **packed_columns(store),
        "laue_rotations": symmetry.rotations.astype(np.int8),
        "laue_counts": symmetry.counts.astype(np.uint8),
        "graph_distances": symmetry.distances.astype(np.int8),
    }
    part = path.with_suffix(".part")
    with zipfile.ZipFile(part, "w") as archive:
        for name, array in columns.items():
            method = zipfile.ZIP_STORED if name in INCOMPRESSIBLE else zipfile.ZIP_LZMA
            buffer = io.BytesIO()
            np.save(buffer, array, allow_pickle=False)
            archive.writestr(f"{name}.npy", buffer.getvalue(), method)
    part.replace(path)


def packed_columns(store: ReflectionStore) -> dict[str, NDArray[Any]]:
    """The arrays of a pack, but for the symmetry tables."""
    counts = np.diff(store.offsets)
    owner = np.repeat(np.arange(len(counts)), counts)
    order = np.lexsort((store.hkl[:, 2], store.hkl[:, 1], store.hkl[:, 0], owner))
    strength = store.strength[order]
    strongest = np.maximum.reduceat(strength, store.offsets[:-1])
    level = np.rint(LEVELS * np.sqrt(strength / strongest[owner])).astype(np.uint16)
    twelfths = np.rint(store.to_niggli * TWELVE)
    odd = np.flatnonzero(np.abs(twelfths / TWELVE - store.to_niggli).max(axis=(1, 2)) > 1e-4)
    return {
        "identifier": np.frombuffer("\n".join(store.identifier).encode(), dtype=np.uint8),
        "family": store.family,
        "space_group_number": store.space_group_number,
        "cell": _byte_planes(store.cell.T),
        "niggli": twelfths.clip(-127, 127).astype(np.int8),
        "niggli_odd": odd.astype(np.int32),
        "niggli_odd_matrix": store.to_niggli[odd],
        "counts": counts.astype(np.int32),
        **dict(zip("hkl", _index_steps(store.hkl[order], store.offsets), strict=True)),
        "strongest": _byte_planes(strongest[None]),
        "strength_high": (level >> 8).astype(np.uint8),
        "strength_low": (level & 255).astype(np.uint8),
    }


def unpacked_columns(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The fields of a `ReflectionStore` from the arrays of a pack."""
    counts = arrays["counts"].astype(np.int64)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    level = arrays["strength_high"].astype(np.float32) * 256 + arrays["strength_low"]
    strongest = _from_byte_planes(arrays["strongest"])[0]
    to_niggli = arrays["niggli"].astype(np.float32) / TWELVE
    to_niggli[arrays["niggli_odd"]] = arrays["niggli_odd_matrix"]
    level *= np.float32(1 / LEVELS)
    return {
        "identifier": np.array(arrays["identifier"].tobytes().decode().split("\n")),
        "family": arrays["family"],
        "space_group_number": arrays["space_group_number"],
        "cell": np.ascontiguousarray(_from_byte_planes(arrays["cell"]).T),
        "to_niggli": to_niggli,
        "offsets": offsets,
        "hkl": _from_index_steps([arrays[name] for name in "hkl"], offsets),
        "strength": level * level * np.repeat(strongest, counts),
    }


def _index_steps(hkl: NDArray[np.int8], offsets: NDArray[np.int64]) -> list[NDArray[np.int8]]:
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


def _byte_planes(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """(k, n) float32 → (k, 4, n): bytes of one weight together compress best."""
    rows = np.ascontiguousarray(values, dtype="<f4")
    return np.ascontiguousarray(rows.view(np.uint8).reshape(*rows.shape, 4).transpose(0, 2, 1))


def _from_byte_planes(planes: NDArray[np.uint8]) -> NDArray[np.float32]:
    rows = np.ascontiguousarray(planes.transpose(0, 2, 1))
    return rows.view("<f4")[..., 0].astype(np.float32)
