from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from training.patterns import PAPER
from training.patterns.device import largest_difference
from training.reflections import ReflectionStore, SymmetryTables, write_pack
from training.reflections._packed import TWELVE


@pytest.fixture
def packed(
    store: ReflectionStore, symmetry: SymmetryTables, tmp_path: Path
) -> tuple[ReflectionStore, SymmetryTables]:
    write_pack(store, symmetry, tmp_path / "pack.npz")
    return ReflectionStore.load(tmp_path / "pack.npz"), SymmetryTables.load(tmp_path / "pack.npz")


def test_everything_but_the_strengths_is_kept_exactly(
    store: ReflectionStore, packed: tuple[ReflectionStore, SymmetryTables]
) -> None:
    again = packed[0]
    for name in ("identifier", "family", "space_group_number", "cell", "offsets"):
        np.testing.assert_array_equal(getattr(again, name), getattr(store, name), err_msg=name)
    np.testing.assert_allclose(again.to_niggli, store.to_niggli, atol=1e-6)
    for i in range(len(store)):
        rows = slice(store.offsets[i], store.offsets[i + 1])
        assert sorted(map(tuple, again.hkl[rows])) == sorted(map(tuple, store.hkl[rows]))


def test_strengths_stay_with_their_indices(
    store: ReflectionStore, packed: tuple[ReflectionStore, SymmetryTables]
) -> None:
    again = packed[0]
    for i in range(len(store)):
        rows = slice(store.offsets[i], store.offsets[i + 1])
        before = dict(zip(map(tuple, store.hkl[rows]), store.strength[rows], strict=True))
        after = dict(zip(map(tuple, again.hkl[rows]), again.strength[rows], strict=True))
        strongest = max(before.values())
        for hkl, strength in before.items():
            share = strength / strongest
            assert abs(after[hkl] - strength) / strongest <= 1.3e-4 * np.sqrt(share) + 1e-8


def test_patterns_differ_by_less_than_a_thousandth(
    store: ReflectionStore, packed: tuple[ReflectionStore, SymmetryTables]
) -> None:
    crystals = np.tile(np.arange(len(store)), 4)
    worst, _ = largest_difference(store, packed[0], packed[1], PAPER, crystals)
    assert worst < 1e-3


def test_symmetry_travels_along(
    symmetry: SymmetryTables, packed: tuple[ReflectionStore, SymmetryTables]
) -> None:
    for name in ("rotations", "counts", "distances"):
        np.testing.assert_array_equal(getattr(packed[1], name), getattr(symmetry, name))


def test_cells_that_are_no_twelfths_are_kept(
    store: ReflectionStore, symmetry: SymmetryTables, tmp_path: Path
) -> None:
    odd = store.to_niggli.copy()
    odd[1] += 0.37 / TWELVE
    write_pack(replace(store, to_niggli=odd), symmetry, tmp_path / "pack.npz")
    again = ReflectionStore.load(tmp_path / "pack.npz")
    np.testing.assert_array_equal(again.to_niggli[1], odd[1])


def test_indices_survive_whatever_they_are(symmetry: SymmetryTables, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    counts = rng.integers(1, 40, size=60)
    total = int(counts.sum())
    offsets = np.concatenate([[0], np.cumsum(counts)])
    owner = np.repeat(np.arange(60), counts)
    store = ReflectionStore(
        identifier=np.array([f"x-{i}" for i in range(60)]),
        family=rng.integers(2**63, size=60, dtype=np.uint64),
        space_group_number=rng.integers(1, 231, size=60).astype(np.uint8),
        cell=rng.random((60, 6)).astype(np.float32),
        to_niggli=np.tile(np.eye(3, dtype=np.float32), (60, 1, 1)),
        offsets=offsets,
        hkl=rng.integers(-127, 128, size=(total, 3)).astype(np.int8),
        strength=rng.random(total).astype(np.float32) + 0.1,
        theoretical=rng.random(60) < 0.5,
    )
    write_pack(store, symmetry, tmp_path / "pack.npz")
    again = ReflectionStore.load(tmp_path / "pack.npz")
    order = np.lexsort((store.hkl[:, 2], store.hkl[:, 1], store.hkl[:, 0], owner))
    np.testing.assert_array_equal(again.hkl, store.hkl[order])
    np.testing.assert_array_equal(again.theoretical, store.theoretical)


def test_a_pack_without_the_graph_is_refused(
    store: ReflectionStore, symmetry: SymmetryTables, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="distances"):
        write_pack(store, replace(symmetry, distances=None), tmp_path / "pack.npz")
