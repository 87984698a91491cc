from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from training.evaluation import LabelledSet, find_seen
from training.evaluation._cells import known_niggli, store_niggli
from training.evaluation._formula import composition, family_name
from training.reflections import ReflectionStore
from training.structures import StructureRecord

RUTILE = [2.959, 4.594, 4.594, 90, 90, 90]


def entry(group: int, niggli: list[float], formula: str | None) -> LabelledSet:
    return LabelledSet(
        "one", [], np.array([group]), np.array([niggli], float), ("x",), (formula,), np.array([0])
    )


def part(labelled: LabelledSet, store: ReflectionStore) -> str:
    found = find_seen(labelled, store).parts
    names = [name for name, rows in found.items() if rows[0] and name != "without seen"]
    assert len(names) == 1
    assert found["without seen"][0] == (names[0] in ("not seen", "cell not known"))
    return names[0]


@pytest.mark.parametrize(
    ("group", "scale", "formula", "expected"),
    [
        (136, 1.02, "Ti2 O4", "seen"),
        (136, 1.02, None, "seen"),
        (136, 1.02, "SnO2", "alike"),
        (136, 1.04, "TiO2", "not seen"),
        (137, 1.0, "TiO2", "not seen"),
        (136, np.nan, "TiO2", "cell not known"),
    ],
)
def test_rule(
    store: ReflectionStore, group: int, scale: float, formula: str | None, expected: str
) -> None:
    niggli = [length * scale for length in RUTILE[:3]] + RUTILE[3:]
    assert part(entry(group, niggli, formula), store) == expected


def test_angles_count_too(store: ReflectionStore) -> None:
    triclinic = store_niggli(store)[list(store.space_group_number).index(1)]
    near, far = triclinic.copy(), triclinic.copy()
    near[4] += 1.5
    far[4] += 2.5
    assert part(entry(1, near.tolist(), None), store) == "seen"
    assert part(entry(1, far.tolist(), None), store) == "not seen"


def test_order_and_sign_of_axes_do_not_matter(store: ReflectionStore) -> None:
    a, b, c, alpha, beta, gamma = store_niggli(store)[list(store.space_group_number).index(1)]
    other = [c, a, b, 180 - gamma, 180 - alpha, beta]
    assert part(entry(1, other, None), store) == "seen"


def test_match_is_the_nearest(store: ReflectionStore) -> None:
    longer = replace(store, cell=store.cell * np.float32(1.015))
    both = ReflectionStore.concatenate([longer, store])
    salt = np.array([3.988, 3.988, 3.988, 60, 60, 60])
    match = find_seen(entry(225, salt.tolist(), "NaCl"), both).match[0]
    assert match >= len(store)
    assert both.space_group_number[match] == 225


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("Mn8 As4 O20", {8: 5, 25: 2, 33: 1}),
        ("Cu5(PO6)2", {8: 12, 15: 2, 29: 5}),
        ("Fe0.9O", None),
        ("Qq2O", None),
        ("", None),
    ],
)
def test_composition(formula: str, expected: dict[int, int] | None) -> None:
    assert composition(formula) == expected


def test_families_are_named_as_structures_name_them(records: dict[str, StructureRecord]) -> None:
    assert family_name("Ti4O8", 136) == records["rutile"].family
    assert family_name("ClNa", 225) == records["rock salt"].family


@pytest.mark.parametrize(
    ("row", "first"),
    [
        ({"space_group": 225, "cell": [5.64] * 3 + [90.0] * 3}, 3.988),
        ({"space_group": 225, "cell": [3.988] * 3 + [60.0] * 3}, 3.988),
        ({"space_group": 221, "cell": [4.12] * 3 + [90.0] * 3}, 4.12),
        ({"space_group": 166, "cell": [4.5, 4.5, 11.8, 90, 90, 120]}, 4.5),
        ({"space_group": 166, "niggli": [1, 2, 3, 90, 90, 90]}, 1),
    ],
)
def test_cells_in_either_setting_are_reduced(row: dict, first: float) -> None:
    assert known_niggli(row)[0] == pytest.approx(first, abs=2e-3)


def test_no_cell_is_nan() -> None:
    assert np.isnan(known_niggli({"space_group": 2})).all()


def test_cells_of_a_store(store: ReflectionStore) -> None:
    cells = store_niggli(store)
    salt = list(store.space_group_number).index(225)
    np.testing.assert_allclose(cells[salt], [3.988] * 3 + [60] * 3, atol=1e-3)
