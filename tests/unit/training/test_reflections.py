from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from alphadiffract_stream.simulation import StructureError
from training.patterns.compiled._crystal import metric, parameters
from training.reflections import ReflectionStore, is_theoretical
from training.structures import StructureRecord, parse_structure, structure_line, tabulate


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


def test_what_was_measured_is_told_by_the_import() -> None:
    names = ["mp-149", "mp-1234567", "mp-1200001", "mp-760000", "my crystal", "mp-9:Al+Si", "mvc-1"]
    assert is_theoretical(names).tolist() == [False, True, False, True, False, False, False]


def test_tables_of_before_get_it_by_their_names(store: ReflectionStore, tmp_path: Path) -> None:
    names = np.array([f"mp-{i * 300_000}" for i in range(len(store))])
    replace(store, identifier=names).save(tmp_path / "new.npz")
    with np.load(tmp_path / "new.npz") as arrays:
        np.savez(tmp_path / "old.npz", **{k: v for k, v in arrays.items() if k != "theoretical"})
    assert not ReflectionStore.load(tmp_path / "new.npz").theoretical.any()
    again = ReflectionStore.load(tmp_path / "old.npz")
    assert again.theoretical.tolist() == is_theoretical(names.tolist()).tolist()
    assert again.theoretical.any()


@pytest.mark.parametrize(
    ("flag", "name", "wanted"),
    [
        (None, "mp-760000", True),
        (False, "mp-760000", False),
        (True, "mine", True),
        (None, "mine", False),
    ],
)
def test_what_the_source_says_comes_first(
    records: dict[str, StructureRecord], flag: bool | None, name: str, wanted: bool
) -> None:
    record = replace(records["zinc"], identifier=name, theoretical=flag)
    again = parse_structure(structure_line(record))
    assert again.theoretical is flag
    assert tabulate(again).theoretical.tolist() == [wanted]
    with pytest.raises(ValueError, match="theoretical: 'no'"):
        parse_structure(structure_line(record)[:-1] + ',"theoretical":"no"}')


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
