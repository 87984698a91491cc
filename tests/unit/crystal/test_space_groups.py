from __future__ import annotations

import gemmi
import pytest
import spglib
from hypothesis import given
from hypothesis import strategies as st

from alphadiffract_stream.crystal import (
    CRYSTAL_SYSTEMS,
    SpaceGroupError,
    bravais_type,
    crystal_system_index,
    crystal_system_of,
    space_group_number,
    space_group_symbol,
)
from alphadiffract_stream.errors import AlphaDiffractError


def test_all_symbols_lead_back_to_their_numbers():
    symbols = [space_group_symbol(number) for number in range(1, 231)]
    assert len(set(symbols)) == 230
    assert [space_group_number(symbol) for symbol in symbols] == list(range(1, 231))
    assert symbols[193] == "P 63/m m c"
    assert symbols[166] == "R -3 c"


@pytest.mark.filterwarnings("ignore::DeprecationWarning:spglib")
@pytest.mark.filterwarnings("ignore:Set OLD_ERROR_HANDLING:DeprecationWarning")
def test_all_settings_spglib_knows_agree():
    for hall in range(1, 531):
        kind = spglib.get_spacegroup_type(hall)
        assert kind is not None
        for symbol in (*kind.international_short.split("="), *kind.international.split("=")):
            assert space_group_number(symbol) == kind.number


def test_systems_agree_with_gemmi():
    for number in range(1, 231):
        system = gemmi.find_spacegroup_by_number(number).crystal_system_str()
        assert crystal_system_of(number) == system
        assert CRYSTAL_SYSTEMS[crystal_system_index(number)] == system


def test_trigonal_and_hexagonal_go_by_number_not_by_lattice():
    assert [crystal_system_of(n) for n in (142, 143, 146, 167, 168, 194, 195)] == [
        "tetragonal",
        "trigonal",
        "trigonal",
        "trigonal",
        "hexagonal",
        "hexagonal",
        "cubic",
    ]


def test_bravais_types_of_all_groups():
    known = {1: "aP", 14: "mP", 15: "mC", 62: "oP", 64: "oC", 41: "oA", 69: "oF", 72: "oI"}
    known |= {136: "tP", 141: "tI", 152: "hP", 167: "hR", 194: "hP"}
    known |= {221: "cP", 225: "cF", 229: "cI"}
    assert {number: bravais_type(number) for number in known} == known
    every = {bravais_type(number) for number in range(1, 231)}
    assert " ".join(sorted(every)) == "aP cF cI cP hP hR mC mP oA oC oF oI oP tI tP"


@pytest.mark.parametrize(
    ("symbol", "number"),
    [
        ("P63/mmc", 194),
        ("P 63/m m c", 194),
        ("p6_3/mmc", 194),
        ("P6₃/mmc", 194),
        ("$P6_{3}/mmc$", 194),
        ("P 63/m m c (194)", 194),
        ("P63/mmc (No. 194)", 194),
        ("194", 194),
        (" 62 ", 62),
        ("Fm-3m", 225),
        ("Fm3m", 225),
        ("Fm3̅m", 225),
        ("Fm−3m", 225),
        ("Fm\\bar{3}m", 225),
        ("Fm\\overline{3}m", 225),
        ("*Fd3m", 227),
        ("'F d -3 m:2'", 227),
        ("R-3c:H", 167),
        ("R-3c:R", 167),
        ("R -3 c", 167),
        ("P2_1/c", 14),
        ("P 1 21/c 1", 14),
        ("P21/n", 14),
        ("P2_1/a", 14),
        ("Pbnm", 62),
        ("Pmcn", 62),
        ("A2/a", 15),
        ("I2/a", 15),
        ("B112/b", 15),
        ("Cmca", 64),
        ("Cmce", 64),
        ("I4_1/amd", 141),
        ("C-1", 2),
        ("P2_1/b", 14),
    ],
)
def test_symbols_as_people_write_them(symbol, number):
    assert space_group_number(symbol) == number


@pytest.mark.parametrize("symbol", ["", " ", "hexagonal", "P63/mmq", "Pn'ma", "0", "231", "F2/d"])
def test_what_is_no_symbol_is_refused(symbol):
    with pytest.raises(SpaceGroupError, match="space group") as caught:
        space_group_number(symbol)
    assert isinstance(caught.value, AlphaDiffractError)


@given(st.text(max_size=20))
def test_any_text_is_a_group_or_refused(text):
    try:
        number = space_group_number(text)
    except SpaceGroupError:
        return
    assert 1 <= number <= 230


@pytest.mark.parametrize("number", [0, 231, -1, 14.5, "14", None])
def test_numbers_out_of_range_are_refused(number):
    for function in (space_group_symbol, crystal_system_of, bravais_type):
        with pytest.raises(SpaceGroupError):
            function(number)
