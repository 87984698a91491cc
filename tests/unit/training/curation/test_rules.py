from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import spglib

from training.curation import Analysis, Entry, Kept, Rejected, Tolerances, judge
from training.curation._analysis import PRIMITIVE
from training.structures import (
    StructureRecord,
    lattice_vectors,
    parse_structure,
    structure_line,
)


def verdict(record: StructureRecord, tolerances: Tolerances | None = None) -> Kept | Rejected:
    (found,) = judge(Entry("line", "file:1", structure_line(record)), tolerances or Tolerances())
    return found


def broken(record: StructureRecord, tolerances: Tolerances | None = None) -> Rejected:
    found = verdict(record, tolerances)
    assert isinstance(found, Rejected)
    return found


def test_textbook_crystals_pass_with_their_groups(records: dict[str, StructureRecord]) -> None:
    for record in records.values():
        found = verdict(replace(record, space_group_number=1, space_group_number_tight=1))
        assert isinstance(found, Kept), found
        assert found.record.space_group_number == record.space_group_number
        assert found.record.space_group_number_tight == record.space_group_number


def test_a_group_that_depends_on_the_tolerance(records: dict[str, StructureRecord]) -> None:
    moved = records["rock salt"].fractional.copy()
    moved[0, 2] += 0.03 / 5.64
    found = broken(replace(records["rock salt"], fractional=moved))
    assert found.rule == "space group"
    assert found.values["0.1 Å, 5°"] == 225
    assert found.values["0.01 Å, 0.1°"] != 225


def test_a_cell_that_is_only_nearly_that_of_its_system(
    records: dict[str, StructureRecord],
) -> None:
    salt = records["caesium chloride"]
    cells = {}
    for strain in (5e-4, 4e-3):
        lattice = salt.lattice * np.array([1, 1, 1 + strain])
        # Wide enough that spglib calls it cubic all the same.
        wide = Tolerances(symprec=(0.05, 0.1), angle=(1.0, 5.0))
        cells[strain] = verdict(replace(salt, lattice=lattice), wide)
    assert isinstance(cells[5e-4], Kept)
    found = cells[4e-3]
    assert isinstance(found, Rejected)
    assert found.rule == "Niggli cell"
    assert found.values["niggli"] != found.values["ideal"]


def test_each_limit_is_a_rule_of_its_own(records: dict[str, StructureRecord]) -> None:
    salt = records["rock salt"]
    assert broken(salt, Tolerances(atoms=7)).values == {"atoms": 8}
    assert verdict(salt, Tolerances(atoms=8)) is not None
    assert broken(salt, Tolerances(volume=179.0)).rule == "volume"
    assert isinstance(verdict(salt, Tolerances(volume=180.0)), Kept)
    heavy = replace(salt, atomic_numbers=np.where(salt.atomic_numbers == 11, 101, 17))
    assert broken(heavy).values == {"atomic_numbers": [101]}
    overlapping = replace(salt, fractional=np.zeros((8, 3)))
    assert broken(overlapping).rule == "symmetry"


def test_shared_sites(records: dict[str, StructureRecord]) -> None:
    salt = records["rock salt"]
    numbers = np.where(salt.atomic_numbers == 11, 1000, 17).astype(np.int32)
    mixed = replace(salt, atomic_numbers=numbers, mixtures=(((11, 0.7), (19, 0.3)),))
    assert isinstance(verdict(mixed), Kept)
    assert broken(mixed, Tolerances(ordered_only=True)).rule == "ordered"
    overfull = replace(mixed, mixtures=(((11, 0.8), (19, 0.3)),))
    assert broken(overfull).rule == "occupancy"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "not a structure"),
        ('{"id": "x"}', "field"),
        ('{"id":"x","f":"x","sg":1,"sg01":1,"pc":[1,1,1,90,90,200],"Z":[1],"X":[[0,0,0]]}', "imp"),
        ('{"id":"x","f":"x","sg":1,"sg01":1,"pc":[3,3,3,90,90,90],"Z":[1,1],"X":[[0,0,0]]}', ""),
        ('{"id":"x","f":"x","sg":1,"sg01":1,"pc":[3,3,3,90,90,90],"Z":[],"X":[]}', "no atoms"),
    ],
)
def test_lines_that_are_no_structures(line: str, reason: str) -> None:
    (found,) = judge(Entry("line", "file:7", line), Tolerances())
    assert isinstance(found, Rejected)
    assert (found.id, found.rule) == ("file:7", "readable")
    assert found.reason.startswith(reason)
    assert found.values["message"]


@pytest.mark.parametrize("centring", sorted(PRIMITIVE))
def test_primitive_cells_are_spglibs(centring: str) -> None:
    number = {"P": 1, "A": 38, "C": 5, "I": 44, "F": 42, "R": 146}[centring]
    cell = {"P": [4.1, 5.2, 6.3, 80, 95, 105], "C": [8.1, 5.2, 6.3, 90, 105, 90]}
    cell |= {"R": [7.0, 7.0, 11.0, 90, 90, 120]}
    lattice = lattice_vectors(cell.get(centring, [5.1, 6.2, 7.3, 90, 90, 90]))
    primitive = PRIMITIVE[centring]
    shifts = np.array([[i, j, k] for i in range(-2, 3) for j in range(-2, 3) for k in range(-2, 3)])
    images = shifts @ primitive % 1.0
    images = np.unique(np.round(images, 6) % 1.0, axis=0)
    assert len(images) == round(1 / np.linalg.det(primitive))
    generators = [(0.11, 0.23, 0.05), (0.31, 0.12, 0.44)]
    hall = next(h for h in range(1, 531) if spglib.get_spacegroup_type(h).number == number)
    symmetry = spglib.get_symmetry_from_database(hall)
    atoms, kinds = [], []
    for kind, site in enumerate(generators, start=6):
        orbit = (symmetry["rotations"] @ np.array(site) + symmetry["translations"]) % 1.0
        atoms += list(orbit)
        kinds += [kind] * len(orbit)
    record = StructureRecord(
        "x", "x", number, number, lattice, np.array(atoms), np.array(kinds, dtype=np.int32)
    )
    case = Analysis(record, Tolerances())
    assert case.tightest.number == number
    assert case.niggli is not None
    np.testing.assert_allclose(case.niggli[0], case.niggli[1], rtol=1e-4)
    standard = (case.tightest.std_lattice, case.tightest.std_positions, case.tightest.std_types)
    found = spglib.niggli_reduce(spglib.find_primitive(standard)[0])
    volumes = np.linalg.det(found), np.prod(case.niggli[1][:3])
    assert volumes[0] <= volumes[1] * (1 + 1e-6)
    np.testing.assert_allclose(
        sorted(np.linalg.norm(found, axis=1)), sorted(case.niggli[1][:3]), rtol=1e-5
    )


def test_isotypic_compounds_are_one_family_where_asked(
    records: dict[str, StructureRecord],
) -> None:
    salt = records["rock salt"]
    numbers = np.where(salt.atomic_numbers == 11, 19, 35).astype(np.int32)
    bromide = replace(salt, atomic_numbers=numbers, lattice=salt.lattice * 1.17)
    for kind, expected in (("compound", False), ("prototype", True)):
        tolerances = Tolerances(families=kind)
        found = [verdict(record, tolerances) for record in (salt, bromide)]
        assert all(isinstance(v, Kept) for v in found)
        lines = [parse_structure(v.line) for v in found if isinstance(v, Kept)]
        assert (lines[0].family == lines[1].family) is expected
        assert lines[0].compound != lines[1].compound


def test_a_prototype_does_not_depend_on_the_cell(records: dict[str, StructureRecord]) -> None:
    salt = records["rock salt"]
    primitive = StructureRecord(
        "primitive",
        "NaCl",
        225,
        225,
        lattice_vectors([5.64 / np.sqrt(2)] * 3 + [60.0] * 3),
        np.array([[0.0] * 3, [0.5] * 3]),
        np.array([11, 17], dtype=np.int32),
    )
    names = {Analysis(r, Tolerances()).prototype for r in (salt, primitive)}
    assert names == {"225: 4 4"}
    assert Analysis(records["rutile"], Tolerances()).prototype == "136: 2 4"
