from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from alphadiffract_stream.simulation import StructureError
from training.patterns.compiled._crystal import metric, parameters
from training.reflections import ReflectionStore
from training.structures import StructureRecord, tabulate


def test_niggli_cells_of_known_lattices(store: ReflectionStore) -> None:
    niggli = {
        str(name): parameters(m @ metric(cell) @ m.T)
        for name, cell, m in zip(
            store.identifier,
            store.cell.astype(float),
            store.to_niggli.astype(float),
            strict=True,
        )
    }
    face = 5.64 / np.sqrt(2)
    np.testing.assert_allclose(niggli["rock salt"], [face] * 3 + [60] * 3, atol=1e-4)
    np.testing.assert_allclose(niggli["caesium chloride"], [4.12] * 3 + [90] * 3, atol=1e-4)
    np.testing.assert_allclose(niggli["rutile"], [2.959, 4.594, 4.594, 90, 90, 90], atol=1e-4)


def test_store_survives_a_file(store: ReflectionStore, tmp_path: Path) -> None:
    store.save(tmp_path / "store.npz")
    again = ReflectionStore.load(tmp_path / "store.npz")
    np.testing.assert_array_equal(again.hkl, store.hkl)
    np.testing.assert_array_equal(again.offsets, store.offsets)


def test_missing_store_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="training reflections"):
        ReflectionStore.load(tmp_path / "none.npz")


def test_families_never_straddle_the_split(store: ReflectionStore) -> None:
    doubled = ReflectionStore.concatenate([store, store])
    for fraction in (0.1, 0.5):
        kept, held_out = doubled.split(fraction)
        assert not set(doubled.family[kept]) & set(doubled.family[held_out])
        assert len(kept) + len(held_out) == len(doubled)


def test_atoms_on_top_of_each_other_are_refused(records: dict[str, StructureRecord]) -> None:
    broken = replace(records["zinc"], fractional=np.zeros((2, 3)))
    with pytest.raises(StructureError, match="zinc"):
        tabulate(broken)
