from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphadiffract_stream.simulation import StructureError, reflections
from training.curation._cif import records_of_cif
from training.structures import StructureRecord, parse_structure, standardize, structure_line

HEADER = """data_{name}
_space_group_name_H-M_alt '{symbol}'
_cell_length_a {a}
_cell_length_b {a}
_cell_length_c {a}
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
_atom_site_U_iso_or_equiv
"""
PERICLASE = ["Mg1 Mg2+ 0 0 0 0.8 0.005", "Fe1 Fe2+ 0 0 0 0.2 0.005", "O1 O2- .5 .5 .5 1 0.02"]


def cif(sites: list[str], name: str = "x", symbol: str = "F m -3 m", a: float = 4.25) -> str:
    return HEADER.format(name=name, symbol=symbol, a=a) + "\n".join(sites) + "\n"


def one(text: str) -> StructureRecord:
    (record,) = records_of_cif(text, "mine")
    assert isinstance(record, StructureRecord)
    return record


def fault(text: str) -> str:
    (found,) = records_of_cif(text, "mine")
    assert isinstance(found, StructureError)
    return str(found)


def test_elements_that_share_a_site_are_one_site() -> None:
    record = one(cif(PERICLASE))
    assert record.mixtures == (((12, 0.8), (26, 0.2)),)
    assert sorted(record.atomic_numbers.tolist()) == [8] * 4 + [1000] * 4
    assert sorted(record.dominant.tolist()) == [8] * 4 + [12] * 4
    assert record.formula == "Fe0.8Mg3.2O4"


def test_a_solid_solution_is_of_its_end_members_family() -> None:
    pure = one(cif(["Mg1 Mg 0 0 0 1 0", "O1 O .5 .5 .5 1 0"]))
    assert one(cif(PERICLASE)).family == pure.family
    other = one(cif(["Fe1 Fe 0 0 0 .95 0", "O1 O .5 .5 .5 1 0"]))
    assert other.mixtures == (((26, 0.95),),)
    assert other.family != pure.family


def test_shares_and_displacements_reach_the_structure_factors() -> None:
    contents = standardize(one(cif(PERICLASE))).contents
    assert sorted(zip(contents.species, contents.occupancy.tolist(), strict=True)) == (
        [("Fe", 0.2)] * 4 + [("Mg", 0.8)] * 4 + [("O", 1.0)] * 4
    )
    oxygen = np.array(contents.species) == "O"
    np.testing.assert_allclose(contents.u_iso[oxygen], 0.02)
    np.testing.assert_allclose(contents.u_iso[~oxygen], 0.005)
    iron, pure = (
        reflections(standardize(one(cif(sites))).contents, 1.8, 7.0)
        for sites in (PERICLASE, ["Mg1 Mg 0 0 0 1 .005", "O1 O .5 .5 .5 1 .02"])
    )
    # 111 is the difference of metal and oxygen: iron makes it stronger.
    (row,) = np.flatnonzero((np.abs(iron.hkl) == 1).all(axis=1))
    assert iron.f_squared[row] > 2 * pure.f_squared[row]


def test_a_record_survives_its_line() -> None:
    record = one(cif(PERICLASE))
    again = parse_structure(structure_line(record))
    assert again.mixtures == record.mixtures
    np.testing.assert_array_equal(again.atomic_numbers, record.atomic_numbers)
    np.testing.assert_allclose(again.fractional, record.fractional, atol=1e-6)
    np.testing.assert_allclose(again.lattice, record.lattice, atol=1e-5)
    assert again.u_iso is not None
    np.testing.assert_allclose(again.u_iso, record.u_iso)


def test_blocks_are_named_and_one_bad_one_spoils_no_other() -> None:
    good, bad = cif(PERICLASE, "good"), cif(["X1 Xx 0 0 0 1 0"], "bad")
    first, second = records_of_cif(good + bad, "both")
    assert isinstance(first, StructureRecord)
    assert first.identifier == "both#good"
    assert isinstance(second, StructureError)
    assert "unknown element Xx" in str(second)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("data_x\n_cell_length_a '4", "not a readable CIF"),
        ("", "no atom sites"),
        ("data_x\n_cell_length_a 4\n", "no atom sites"),
        (cif(PERICLASE, symbol="Q 1 2 3"), "space group 'Q 1 2 3' is not known"),
        (cif(PERICLASE, a=0.0), "impossible cell"),
        (cif(["O1 O ? ? ? 1 0"]), "a coordinate is not a number"),
    ],
)
def test_faults_are_named(text: str, reason: str) -> None:
    assert reason in fault(text)


@given(st.text(max_size=200), st.integers(0, 500))
def test_no_text_is_too_bad(text: str, where: int) -> None:
    whole = cif(PERICLASE)
    for found in records_of_cif(whole[:where] + text + whole[where:], "x"):
        assert isinstance(found, StructureRecord | StructureError)
