from __future__ import annotations

import gemmi
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphadiffract_stream.simulation import small_structure
from alphadiffract_stream.simulation._site_labels import element_of_label

CIF = """data_x
_symmetry_space_group_name_H-M 'P -1'
_cell_length_a 5
_cell_length_b 6
_cell_length_c 7
_cell_angle_alpha 90
_cell_angle_beta 91
_cell_angle_gamma 92
{formula}
loop_
_atom_site_label
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
{sites}
"""
SYMBOLS = [gemmi.Element(z).name for z in range(1, 99)]


def elements(labels: list[str], formula: str) -> list[str]:
    sites = "\n".join(f"{label} 0.{i}1 0.2 0.3" for i, label in enumerate(labels, start=1))
    pair = f"_chemical_formula_sum '{formula}'" if formula else ""
    block = gemmi.cif.read_string(CIF.format(formula=pair, sites=sites))[0]
    return [site.element.name for site in small_structure(block).sites]


def test_labels_of_mineralogists_are_read_by_the_formula() -> None:
    labels = ["CaM1", "SiT2m", "O-H1", "OW1", "Wat3", "CO1", "HO1", "Cal1", "D1"]
    found = elements(labels, "Ca2 Si O4 (C O3) H2")
    assert found == ["Ca", "Si", "O", "O", "O", "C", "H", "Ca", "D"]


def test_capitals_may_mean_one_element_of_two_letters() -> None:
    assert elements(["CO1", "CU2", "O1"], "Co Cu O2") == ["Co", "Cu", "O"]


def test_without_a_formula_the_labels_are_gemmis() -> None:
    assert elements(["CO1", "Wat1", "SiT2"], "") == ["Co", "X", "Si"]


def test_what_the_file_says_of_the_element_is_believed() -> None:
    block = gemmi.cif.read_string(
        CIF.format(formula="_chemical_formula_sum 'Co C O3'", sites="CO1 0.1 0.2 0.3")
        .replace("_atom_site_label", "_atom_site_type_symbol\n_atom_site_label")
        .replace("CO1 0.1", "Co2+ CO1 0.1")
    )[0]
    (site,) = small_structure(block).sites
    assert (site.element.name, site.charge) == ("Co", 2)


@pytest.mark.parametrize("label", ["M1", "X", "T2", "Wat1"])
def test_a_label_that_names_no_element_of_the_formula_stays(label: str) -> None:
    assert element_of_label(label, {"Ca", "Si"}) is None


@given(st.sampled_from(SYMBOLS), st.sampled_from(["", "1", "M1", "T2a", "_3", "'"]))
def test_an_element_with_a_suffix_is_itself(symbol: str, suffix: str) -> None:
    assert element_of_label(symbol + suffix, {symbol}) == symbol
