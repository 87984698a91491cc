from __future__ import annotations

import json
import lzma

import numpy as np
import pytest

from alphadiffract_stream.crystal import (
    SpaceGroupError,
    bravais_type,
    conventional_cell,
    metric_tensor,
    niggli_cell,
    volume,
)
from alphadiffract_stream.crystal._niggli_table import NIGGLI_TO_CONVENTIONAL
from tools import derive_niggli_table as derive

GROUPS = {
    "aP": 2,
    "mP": 14,
    "mC": 15,
    "oP": 62,
    "oC": 63,
    "oF": 69,
    "oI": 71,
    "tP": 136,
    "tI": 139,
    "hP": 194,
    "hR": 167,
    "cP": 221,
    "cF": 225,
    "cI": 229,
}
LETTER = {bravais: derive.CENTRED.get(bravais, "P") for bravais in GROUPS}
CHARACTERS = dict(zip(GROUPS, (1, 3, 11, 1, 5, 2, 3, 2, 4, 2, 3, 1, 1, 1), strict=True))
"""The 44 of International Tables A, but one where two differ by a sign only (31 and 44, 10 and 14,
20 and 25, 2 and 4)."""


def settled(cell, bravais):
    """A random conventional cell with its axes in the order our convention gives."""
    a, b, c = cell[:3]
    if bravais in ("oP", "oF", "oI"):
        return np.array([*sorted((a, b, c)), 90, 90, 90])
    if bravais == "oC":
        return np.array([min(a, b), max(a, b), c, 90, 90, 90])
    return cell


@pytest.mark.parametrize("bravais", [name for name in GROUPS if name[0] not in "am"])
def test_random_cells_come_back(bravais):
    random = np.random.default_rng(5)
    for _ in range(300):
        cell = derive.random_cell(bravais, random)
        got = conventional_cell(niggli_cell(cell, LETTER[bravais]), GROUPS[bravais])
        np.testing.assert_allclose(got.cell, settled(cell, bravais), rtol=1e-6)
        assert got.misfit < 1e-7


@pytest.mark.parametrize("bravais", ["mP", "mC"])
def test_random_monoclinic_cells_come_back_on_the_shortest_axes(bravais):
    random = np.random.default_rng(6)
    for _ in range(300):
        cell = derive.random_cell(bravais, random)
        niggli = niggli_cell(cell, LETTER[bravais])
        got = conventional_cell(niggli, GROUPS[bravais])
        a, _, c, alpha, beta, gamma = got.cell
        assert got.misfit < 1e-7
        assert (alpha, gamma) == (90, 90)
        assert beta >= 90 - 1e-9
        assert volume(got.cell) == pytest.approx(volume(cell), rel=1e-6)
        np.testing.assert_allclose(niggli_cell(got.cell, LETTER[bravais]), niggli, rtol=1e-5)
        # The centring allows a + i a + 2 k c only where there is one: a is the shortest of them.
        metric = metric_tensor(got.cell)
        step = 2 if bravais == "mC" else 1
        for i in (-1, 1):
            along_c, along_a = np.array([1, 0, i * step]), np.array([i, 0, 1])
            assert along_c @ metric @ along_c >= a * a * (1 - 1e-9)
            assert along_a @ metric @ along_a >= c * c * (1 - 1e-9)
        assert bravais == "mC" or a <= c * (1 + 1e-9)


def test_the_unique_axis_and_reduced_cell_are_kept():
    reduced = (5.1, 6.2, 7.3, 90, 97, 90)
    assert conventional_cell(niggli_cell(reduced), 14).cell == pytest.approx(reduced)
    diopside = (9.746, 8.899, 5.251, 90, 105.63, 90)
    assert conventional_cell(niggli_cell(diopside, "C"), 15).cell == pytest.approx(diopside)


def test_a_centred_groups_have_their_own_axes():
    cell = (4.0, 5.5, 9.0, 90, 90, 90)
    got = conventional_cell(niggli_cell(cell, "A"), 38)
    assert got.cell == pytest.approx(cell)
    assert got.misfit < 1e-9


def test_triclinic_cells_are_left_alone():
    cell = (5.0, 6.0, 7.0, 81.0, 85.0, 88.0)
    got = conventional_cell(cell, 1)
    assert got.cell == pytest.approx(cell)
    assert got.misfit == 0.0


@pytest.mark.parametrize("bravais", [name for name in GROUPS if name != "aP"])
@pytest.mark.parametrize("noise", [0.002, 0.01])
def test_noisy_niggli_cells_give_close_cells(bravais, noise):
    random = np.random.default_rng(7)
    close, misfits = [], []
    for _ in range(150):
        cell = derive.random_cell(bravais, random)
        cell[:3] = np.clip(cell[:3], 3, 15) if len(set(cell[:3])) == 3 else cell[:3]
        clean = conventional_cell(niggli_cell(cell, LETTER[bravais]), GROUPS[bravais])
        niggli = np.array(niggli_cell(cell, LETTER[bravais]))
        noisy = niggli * (1 + noise * random.normal(size=6) * [1, 1, 1, 0.5, 0.5, 0.5])
        got = conventional_cell(noisy, GROUPS[bravais])
        close.append(np.allclose(sorted(got.cell[:3]), sorted(clean.cell[:3]), rtol=5 * noise))
        misfits.append(got.misfit)
    # Not all: two characters may fit equally well once the lattice is blurred.
    assert np.mean(close) > 0.8
    assert 0.1 * noise < np.median(misfits) < 5 * noise


def test_the_answer_is_exactly_symmetric():
    got = conventional_cell((3.99, 4.02, 4.01, 89.2, 90.5, 90.3), 221)
    a, b, c = got.cell[:3]
    assert a == pytest.approx(b, rel=1e-14)
    assert a == pytest.approx(c, rel=1e-14)
    assert got.cell[3:] == (90, 90, 90)
    # √(Gᵢᵢ) averaged over the axes, as the mean over the cube's rotations asks.
    assert a == pytest.approx(np.sqrt((3.99**2 + 4.02**2 + 4.01**2) / 3))


def test_a_wrong_system_shows_in_the_misfit():
    niggli = niggli_cell((4.0, 7.0, 12.0, 90, 90, 90))
    assert conventional_cell(niggli, 62).misfit < 1e-9
    assert conventional_cell(niggli, 225).misfit > 0.2


@pytest.mark.parametrize(
    "niggli",
    [
        (1, 1, 1, 130, 130, 130),
        (np.nan,) * 6,
        (0, 0, 0, 0, 0, 0),
        (5, 5, np.inf, 90, 90, 90),
        (5, 5, 5, 0, 90, 90),
    ],
)
def test_numbers_that_are_no_cell_give_nan(niggli):
    got = conventional_cell(niggli, 62)
    assert np.isnan(got.cell).all()
    assert np.isnan(got.misfit)


def test_impossible_groups_are_refused():
    with pytest.raises(SpaceGroupError):
        conventional_cell((4, 4, 4, 90, 90, 90), 231)


@pytest.mark.parametrize("bravais", list(GROUPS))
def test_the_table_is_complete(bravais):
    """Fresh random cells, other than those it was made from, need nothing it lacks."""
    table = {
        derive.character(np.reshape(matrix, (3, 3)), bravais)
        for matrix in NIGGLI_TO_CONVENTIONAL[bravais]
    }
    assert len(table) == len(NIGGLI_TO_CONVENTIONAL[bravais])
    fresh = derive.collect(bravais, 1500, seed=99)
    missing = [count for key, (count, _) in fresh.items() if key not in table]
    assert sum(missing) <= 1  # a border of a border, once in a thousand


def test_exact_cells_show_the_lattice_characters_of_international_tables():
    for bravais, wanted in CHARACTERS.items():
        seen = derive.collect(bravais, 2500, seed=3, special=0.0, strains=(0.0,))
        assert len(seen) == wanted, bravais


def test_real_structures(data_dir):
    path = data_dir / "structures" / "mp" / "mp_05.jsonl.xz"
    agreed, total = 0, 0
    with lzma.open(path, "rt", encoding="utf-8") as lines:
        for _, line in zip(range(1500), lines, strict=False):
            entry = json.loads(line)
            if entry["sg"] != entry["sg01"]:
                continue
            got = conventional_cell(entry["nc"], entry["sg"])
            assert got.misfit < 1e-4
            assert volume(got.cell) == pytest.approx(volume(entry["cell"]), rel=1e-3)
            if bravais_type(entry["sg"]) != "mP":  # whose a and c the lattice leaves open
                total += 1
                agreed += np.allclose(sorted(got.cell[:3]), sorted(entry["cell"][:3]), rtol=1e-3)
    assert agreed / total > 0.99
