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
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._columns import LEVELS, TWELVE, byte_planes, index_steps
from ._store import ReflectionStore
from ._symmetry import SymmetryTables

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
        "cell": byte_planes(store.cell.T),
        "niggli": twelfths.clip(-127, 127).astype(np.int8),
        "niggli_odd": odd.astype(np.int32),
        "niggli_odd_matrix": store.to_niggli[odd],
        "counts": counts.astype(np.int32),
        **dict(zip("hkl", index_steps(store.hkl[order], store.offsets), strict=True)),
        "theoretical": np.packbits(store.theoretical),
        "strongest": byte_planes(strongest[None]),
        "strength_high": (level >> 8).astype(np.uint8),
        "strength_low": (level & 255).astype(np.uint8),
    }
