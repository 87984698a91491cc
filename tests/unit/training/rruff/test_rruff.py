from __future__ import annotations

import contextlib
import csv
import json
import zipfile
from pathlib import Path

import gemmi
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from alphadiffract_stream.crystal import niggli_cell
from alphadiffract_stream.errors import ConfigurationError
from alphadiffract_stream.grid import GRID_TWO_THETA, GRID_WAVELENGTH, to_grid
from tests.rruff import CU, DIAMONDLIKE, INVENTITE, SLANTITE, dif, file_name, moved, xy
from training.commands import app
from training.evaluation import load_labelled
from training.rruff import RULES, RruffError, parse_dif, parse_xy, read_texts, screen, write_set
from training.rruff._crystal import element_of, fits
from training.rruff._dif import DifAtom
from training.rruff._files import sample_id

MINERALS = (INVENTITE, DIAMONDLIKE, SLANTITE)


def test_a_dif_file_is_read() -> None:
    found = parse_dif(dif(INVENTITE), file_name(INVENTITE, "DIF_File", 8801))
    assert (found.mineral, found.sample, found.space_group) == ("Inventite", "R990001-1", "R-3m")
    assert found.cell == (4.113, 4.113, 15.27, 90, 90, 120)
    assert found.wavelength == CU
    assert found.peaks[:, 1].max() == 100
    assert len(found.peaks) > 10
    assert found.atoms is not None
    assert [a.label for a in found.atoms] == ["CaM1", "Wat"]
    assert found.atoms[1].position == (0, 0, 0.2471)
    assert found.atoms[1].b_iso == 0.5


@pytest.mark.parametrize("field", ["CELL PARAMETERS", "SPACE GROUP", "X-RAY WAVELENGTH"])
def test_a_dif_file_without_an_essential_is_incomplete(field: str) -> None:
    with pytest.raises(RruffError, match=f"no {field}") as caught:
        parse_dif(dif(INVENTITE, **{field: ""}), "x.txt")
    assert caught.value.rule == "incomplete"


def test_columns_of_atoms_are_taken_by_their_names() -> None:
    text = dif(INVENTITE).replace("OCCUPANCY  ISO(B)", "ISO(B)").replace("1.000     0.500", "0.7")
    atoms = parse_dif(text, "x.txt").atoms
    assert atoms is not None
    assert (atoms[0].occupancy, atoms[0].b_iso) == (1.0, 0.7)
    text = dif(SLANTITE).replace("0.12000", "1/3").replace("0.70000", "xxx")
    assert parse_dif(text, "x.txt").atoms is None


def test_an_xy_file_is_read() -> None:
    found = parse_xy(xy(INVENTITE, kind="Calculated from single crystal data"), "x.txt")
    assert (found.mineral, found.sample, found.formula) == ("Inventite", "R990001-1", "Ca2O")
    assert found.cell == INVENTITE.cell
    assert found.crystal_system == "hexagonal"
    assert found.calculated
    assert not parse_xy(xy(INVENTITE), "x.txt").calculated
    assert found.pattern.wavelength == CU
    with pytest.raises(RruffError) as caught:
        parse_xy("##NAMES=Nothing\n##END=\n", "x.txt")
    assert caught.value.rule == "unreadable"


def test_everything_that_passes_and_falls(tmp_path: Path) -> None:
    """One of each: what becomes of it, by name and rule."""
    patterns = [(file_name(m, "Xray_Data_XY_Processed"), xy(m)) for m in MINERALS]
    difs = [(file_name(m, "DIF_File"), dif(m)) for m in MINERALS]

    def add(sample: str, xy_text: str | None, dif_text: str | None) -> None:
        patterns.extend([(f"X__{sample}__xy.txt", xy_text)] if xy_text else [])
        difs.extend([(f"X__{sample}__dif.txt", dif_text)] if dif_text else [])

    other = moved(INVENTITE, "R990010")
    add("R990010", xy(other), dif(other, atoms=False))
    wrong_atoms = dif(INVENTITE).replace("0.24710", "0.33000")
    add("R990011", xy(moved(INVENTITE, "R990011")), wrong_atoms)
    add("R990012", xy(other, c=15.6), dif(other))
    add("R990013", xy(other, last=50.0), dif(other))
    add("R990014", xy(other), dif(other, **{"SPACE GROUP": ""}))
    add("R990015", xy(other), dif(other, **{"SPACE GROUP": "Q-3m"}))
    add("R990016", xy(other), dif(other, **{"CELL PARAMETERS": "4.1 4.1 15.2 90 91 120"}))
    add("R990017", None, dif(other))
    add("R990018", xy(other), None)
    add("R990019", "##NAMES=Bad\n##END=\n", dif(other))
    add("R990010", xy(other), None)
    result = screen(patterns, difs)
    rules = {(sample_id(item.name), item.rule) for item in result.dropped}
    assert rules == {
        ("R990010", "no atoms"),
        ("R990011", "peaks"),
        ("R990012", "mismatch"),
        ("R990013", "coverage"),
        ("R990014", "incomplete"),
        ("R990015", "lattice"),
        ("R990016", "system"),
        ("R990014", "no dif"),
        ("R990015", "no dif"),
        ("R990016", "no dif"),
        ("R990017", "no pattern"),
        ("R990018", "no dif"),
        ("R990019", "unreadable"),
        ("R990010", "repeated"),
    }
    assert set(RULES) == {rule for _, rule in rules}
    assert len(result.dropped) == len(rules)
    assert result.steps == {
        "patterns": 12,
        "DIF files": 12,
        "complete": 11,
        "lattices": 9,
        "with a pattern": 8,
        "XY and DIF agree": 6,
        "cover 5–20° at 20 keV: for symmetry": 5,
        "with atoms that give the peaks: for the lattice": 3,
    }
    assert list(result.counts()) == [rule for rule in RULES if rule in result.counts()]


def test_labels_and_niggli_cells() -> None:
    entries = screen(
        [(file_name(m, "XY"), xy(m)) for m in MINERALS],
        [(file_name(m, "DIF"), dif(m)) for m in MINERALS],
    ).entries
    assert [(e.space_group, e.crystal_system) for e in entries] == [
        (166, "trigonal"),
        (227, "cubic"),
        (14, "monoclinic"),
    ]
    for entry, mineral, centring in zip(entries, MINERALS, "RFP", strict=True):
        np.testing.assert_allclose(entry.niggli, niggli_cell(mineral.cell, centring))
        assert entry.cell == mineral.cell


@pytest.mark.parametrize("origin", ["1", "2"])
def test_either_origin_is_found_by_the_peaks(origin: str) -> None:
    position = 0.0 if origin == "1" else 0.125
    atoms = (("Sn", "Sn", position, position, position), ("O", "O", 0.05, 0.05, 0.05))
    mineral = moved(DIAMONDLIKE, "R990030", setting=f"F d -3 m:{origin}", atoms=atoms)
    (entry,) = screen([("a__R990030.txt", xy(mineral))], [("b__R990030.txt", dif(mineral))]).entries
    assert entry.niggli is not None


def test_rhombohedral_axes() -> None:
    a, angle = 5.6, 50.0
    mineral = moved(
        INVENTITE,
        "R990031",
        setting="R -3 m:R",
        cell=(a, a, a, angle, angle, angle),
        atoms=(("Ca", "Ca", 0, 0, 0), ("O", "O", 0.24, 0.24, 0.24)),
    )
    (entry,) = screen([("a__R990031.txt", xy(mineral))], [("b__R990031.txt", dif(mineral))]).entries
    assert entry.niggli is not None
    np.testing.assert_allclose(entry.niggli, niggli_cell(mineral.cell, "P"))


def test_the_set_is_what_evaluation_reads(tmp_path: Path) -> None:
    """Peaks lie where the crystal has them at 20 keV."""
    result = screen([("i__R990001-1.txt", xy(INVENTITE))], [("i__R990001-1.txt", dif(INVENTITE))])
    write_set(result, tmp_path / "rruff.npz")
    labelled = load_labelled(tmp_path / "rruff.npz")
    assert labelled.space_group.tolist() == [166]
    assert labelled.identifier == ("R990001-1",)
    np.testing.assert_allclose(labelled.niggli[0], niggli_cell(INVENTITE.cell, "R"))
    grid = to_grid(labelled.patterns[0])
    assert grid.coverage == 1
    d = 1 / np.sqrt((4 / 3) * 1 / 4.113**2 + 4 / 15.27**2)  # 102 or 012, the strongest but few
    expected = 2 * np.degrees(np.arcsin(GRID_WAVELENGTH / 2 / d))
    near = np.abs(GRID_TWO_THETA - expected) < 0.1
    assert abs(GRID_TWO_THETA[near][grid.intensity[near].argmax()] - expected) < 0.005


def test_the_command_on_archives(tmp_path: Path) -> None:
    calculated = moved(SLANTITE, "R990003-2")
    with zipfile.ZipFile(tmp_path / "XY_Processed.zip", "w") as archive:
        archive.writestr(f"XY/{file_name(INVENTITE, 'XY')}", xy(INVENTITE))
        archive.writestr(file_name(calculated, "XY"), xy(calculated, kind="Calculated"))
        archive.writestr("readme.pdf", b"no")
    with zipfile.ZipFile(tmp_path / "DIF.zip", "w") as archive:
        for mineral in MINERALS:
            archive.writestr(file_name(mineral, "DIF_File"), dif(mineral))
    command = ["rruff", "--patterns", str(tmp_path / "XY_Processed.zip")]
    command += ["--dif", str(tmp_path / "DIF.zip"), "--output", str(tmp_path / "set" / "rruff.npz")]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert "evaluation only" in done.output
    counts = json.loads((tmp_path / "set" / "rruff.counts.json").read_text(encoding="utf-8"))
    assert counts["written"] == 2
    assert counts["dropped"] == {"no pattern": 1}
    assert counts["calculated"] == {"for symmetry": 1, "for the lattice": 1}
    with (tmp_path / "set" / "rruff.dropped.csv").open(encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert row["rule"] == "no pattern"
    assert row["file"].startswith("Nonesuchite__R990002")
    again = CliRunner().invoke(app, [*command, "--measured-only"])
    assert again.exit_code == 0
    assert len(load_labelled(tmp_path / "set" / "rruff.npz")) == 1


def test_what_is_no_download_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.zip").write_bytes(b"PK nothing")
    for path in (tmp_path / "none", tmp_path / "bad.zip", tmp_path):
        with pytest.raises(ConfigurationError):
            list(read_texts(path))
    command = ["rruff", "--patterns", str(tmp_path / "none"), "--dif", str(tmp_path)]
    assert CliRunner().invoke(app, command).exit_code == 1


@pytest.mark.parametrize(
    ("label", "element"),
    [("CaM4", "Ca"), ("SiT1", "Si"), ("Wat", "O"), ("OH", "O"), ("Oh2", "O"), ("Ow1", "O"),
     ("W", "W"), ("OA2", "O"), ("O", "O"), ("Al2", "Al"), ("U", "U"), ("HO1", "H")],
)  # fmt: skip
def test_elements_of_labels(label: str, element: str) -> None:
    assert element_of(DifAtom(label, (0, 0, 0), 1, None)) == element


def test_labels_of_no_element_are_refused() -> None:
    with pytest.raises(RruffError, match="unknown atom 'Xx1'"):
        element_of(DifAtom("Xx1", (0, 0, 0), 1, None))


@pytest.mark.parametrize(
    ("cell", "systems"),
    [
        ((5, 5, 5, 90, 90, 90), {"triclinic", "monoclinic", "orthorhombic", "tetragonal", "cubic",
                                 "trigonal"}),
        ((5, 5, 7, 90, 90, 120), {"triclinic", "monoclinic", "trigonal", "hexagonal"}),
        ((5, 5, 5, 70, 70, 70), {"triclinic", "trigonal"}),
        ((5, 6, 7, 90, 100, 90), {"triclinic", "monoclinic"}),
        ((5, 5.004, 7, 90, 90, 90.05), {"triclinic", "monoclinic", "orthorhombic", "tetragonal"}),
        ((5, 5.006, 7, 90, 90, 90), {"triclinic", "monoclinic", "orthorhombic"}),
    ],
)  # fmt: skip
def test_cells_and_their_systems(cell: tuple[float, ...], systems: set[str]) -> None:
    every = ("triclinic", "monoclinic", "orthorhombic", "tetragonal", "trigonal", "hexagonal",
             "cubic")  # fmt: skip
    assert {system for system in every if fits(cell, system)} == systems


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300), st.integers(0, 2000))
def test_hostile_files_fall_at_a_rule(noise: str, place: int) -> None:
    """Text pushed into a good file: read, or dropped with a rule, never another error."""
    for text, reader in ((DIF_TEXT, parse_dif), (XY_TEXT, parse_xy)):
        with contextlib.suppress(RruffError):
            reader(text[:place] + noise + text[place:], "x.txt")


DIF_TEXT = dif(SLANTITE)
XY_TEXT = "".join(xy(SLANTITE).splitlines(keepends=True)[:40])


def test_the_fixtures_are_what_they_say() -> None:
    for mineral in MINERALS:
        assert gemmi.find_spacegroup_by_name(mineral.setting) is not None
