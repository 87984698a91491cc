from __future__ import annotations

from collections import Counter

import gemmi
import numpy as np
import pytest
import spglib

from alphadiffract_stream.simulation import StructureError
from tests.gsas2 import sg_data
from training.gsas2 import check_atoms, check_cell, check_symmetry, gsas2_setting
from training.gsas2._setting import operations_of, shifted
from training.structures._standardize import space_group_from_hall


def standard_groups() -> list[gemmi.SpaceGroup]:
    """spglib's default setting of each group: what every structure is brought to."""
    first: dict[int, int] = {}
    for hall in range(1, 531):
        first.setdefault(spglib.get_spacegroup_type(hall).number, hall)
    return [space_group_from_hall(first[number]) for number in range(1, 231)]


def test_every_group_has_a_setting_with_the_origin_at_a_centre() -> None:
    for group in standard_groups():
        setting = gsas2_setting(group.hall)
        assert len(setting.operations) == len(operations_of(group))
        eighths = tuple(round(8 * value) for value in setting.shift)
        assert shifted(operations_of(group), eighths) == setting.operations
        check_symmetry(sg_data(group if group.ext != "1" else _second(group)), setting)


def test_24_groups_are_shifted() -> None:
    moved = [g.number for g in standard_groups() if any(gsas2_setting(g.hall).shift)]
    assert len(moved) == 24
    assert {85, 129, 130, 142, 201, 227} <= set(moved)


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("P 1 21/c 1", "P 21/c"),
        ("P 1 1 21/b", "P 1 1 21/b"),
        ("R -3 m:R", "R -3 m r"),
        ("R -3 m:H", "R -3 m"),
        ("P 3 2 1", "P 3 2 1"),
        ("F d -3 m:2", "F d -3 m"),
    ],
)
def test_symbols_as_gsas2_reads_them(name: str, symbol: str) -> None:
    assert gsas2_setting(gemmi.find_spacegroup_by_name(name).hall).symbol == symbol


def test_unknown_setting_is_refused() -> None:
    with pytest.raises(StructureError, match="not known"):
        gsas2_setting("P 2 (1 1 0)")


def test_another_group_is_noticed() -> None:
    setting = gsas2_setting(gemmi.find_spacegroup_by_name("P n -3:2").hall)
    check_symmetry(sg_data(gemmi.find_spacegroup_by_name("P n -3:2")), setting)
    for other in ("P n -3:1", "P m -3", "P 1"):
        with pytest.raises(StructureError, match="other operations"):
            check_symmetry(sg_data(gemmi.find_spacegroup_by_name(other)), setting)


def test_atoms_are_counted() -> None:
    atom = ["Zn0", "Zn", "", 1 / 3, 2 / 3, 0.25, 1.0, "-6m2", 2]
    check_atoms([atom], [3, 1, 7, 9], ["Zn"], Counter(Zn=2))
    with pytest.raises(StructureError, match="2 Zn for 3"):
        check_atoms([atom], [3, 1, 7, 9], ["Zn"], Counter(Zn=3))


def test_cells_are_compared() -> None:
    check_cell((5, 5, 5, 90, 90, 90), (5, 5, 5.00001, 90, 90, 90))
    with pytest.raises(StructureError, match="has cell"):
        check_cell((5, 5, 5, 90, 90, 90), (5, 5, 5.01, 90, 90, 90))


def _second(group: gemmi.SpaceGroup) -> gemmi.SpaceGroup:
    second = gemmi.find_spacegroup_by_name(f"{group.hm}:2")
    assert np.array_equal(second.number, group.number)
    return second
