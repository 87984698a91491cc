"""Ragged reflection tables of many crystals in a few flat arrays; numpy only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ._columns import unpacked_columns
from ._origin import is_theoretical


@dataclass(frozen=True, slots=True, eq=False)
class ReflectionStore:
    """N crystals; reflections of crystal i are rows offsets[i]:offsets[i + 1]."""

    identifier: NDArray[np.str_]
    """(N,)."""
    family: NDArray[np.uint64]
    """(N,) hash; near-duplicates share it."""
    space_group_number: NDArray[np.uint8]
    """(N,) 1…230."""
    cell: NDArray[np.float32]
    """(N, 6) conventional a b c (Å) α β γ (°)."""
    to_niggli: NDArray[np.float32]
    """(N, 3, 3) conventional → Niggli."""
    offsets: NDArray[np.int64]
    """(N + 1,)."""
    hkl: NDArray[np.int8]
    """(R, 3)."""
    strength: NDArray[np.float32]
    """(R,) multiplicity · |F|² / V², before the Lorentz-polarization factor."""
    theoretical: NDArray[np.bool_]
    """(N,) computed, and never measured as far as is known."""

    def __len__(self) -> int:
        return len(self.identifier)

    def save(self, path: Path) -> None:
        """Write an uncompressed ``.npz``; atomically, so that a killed run leaves no half file."""
        part = path.with_suffix(".part.npz")
        np.savez(part, **{f.name: getattr(self, f.name) for f in fields(self)})
        part.replace(path)

    @classmethod
    def load(cls, path: Path) -> ReflectionStore:
        """Read what `save` or `write_pack` wrote.

        Raises FileNotFoundError naming the command that makes it.
        """
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no reflections; run `python -m training reflections`")
        with np.load(path) as arrays:
            packed = "strength_low" in arrays
            columns = unpacked_columns(arrays) if packed else dict(arrays)
        if "theoretical" not in columns:  # written before 0.4
            columns["theoretical"] = is_theoretical(columns["identifier"].tolist())
        return cls(**{f.name: columns[f.name] for f in fields(cls)})

    def split(self, fraction: float = 0.1) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Training and validation indices; whole families, fixed by hash and not by order."""
        held_out = self.family % np.uint64(10_000) < np.uint64(round(fraction * 10_000))
        return np.flatnonzero(~held_out), np.flatnonzero(held_out)

    def take(self, crystals: NDArray[np.int64]) -> ReflectionStore:
        """A store of `crystals` (n,) alone, in that order."""
        counts = np.diff(self.offsets)[crystals]
        starts = self.offsets[:-1][crystals]
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        rows = np.repeat(starts, counts) + within
        columns = {
            f.name: getattr(self, f.name)[crystals]
            for f in fields(self)
            if f.name not in ("offsets", "hkl", "strength")
        }
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        return ReflectionStore(
            **columns, offsets=offsets, hkl=self.hkl[rows], strength=self.strength[rows]
        )

    @classmethod
    def concatenate(cls, stores: Iterable[ReflectionStore]) -> ReflectionStore:
        """One store of many."""
        stores = list(stores)
        counts = np.concatenate([np.diff(s.offsets) for s in stores])
        joined = {
            f.name: np.concatenate([getattr(s, f.name) for s in stores])
            for f in fields(cls)
            if f.name != "offsets"
        }
        return cls(**joined, offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64))
