"""Averages of ordered crystals: what is mixed, what comes of it, and how it is judged."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from training.commands import app
from training.curation import Entry, Kept, Tolerances
from training.disorder import alike, averaged, disordered, mixed_name, mixings
from training.structures import (
    StructureRecord,
    lattice_vectors,
    read_structures,
    structure_line,
    tabulate,
)

from .conftest import FACES, record

CU, AU, NI, OX, H = 29, 79, 28, 8, 1
OTHERS = [tuple((np.array(f) + 0.5) % 1) for f in FACES]


def crystal(name: str, cell: list[float], atoms: list[tuple[int, tuple]]) -> StructureRecord:
    return StructureRecord(
        identifier=name,
        formula=name,
        space_group_number=1,
        space_group_number_tight=1,
        lattice=lattice_vectors(cell),
        fractional=np.array([position for _, position in atoms], dtype=float),
        atomic_numbers=np.array([z for z, _ in atoms], dtype=np.int32),
    )


def copper_gold() -> StructureRecord:
    """L1₀, layers of either in a lattice a little compressed."""
    return crystal("CuAu", [3.96, 3.96, 3.87, 90, 90, 90], list(zip([CU, CU, AU, AU], [
        (0, 0, 0), (0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5)], strict=True)))  # fmt: skip


def nickel_hydroxide_like() -> StructureRecord:
    """Rock salt with a hydrogen in one of eight holes."""
    atoms = [(NI, f) for f in FACES] + [(OX, f) for f in OTHERS] + [(H, (0.25, 0.25, 0.25))]
    return crystal("Ni4O4H", [4.2, 4.2, 4.2, 90, 90, 90], atoms)


def contents(made: StructureRecord) -> Counter[int]:
    total: Counter[int] = Counter()
    for number in made.atomic_numbers:
        for z, share in made.parts(int(number)):
            total[z] += share
    return total


class TestAveraged:
    def test_an_ordered_alloy_becomes_the_solid_solution(self) -> None:
        # Layers differ in height by 2 %, within the tolerance: cubic without their order.
        (kinds,) = mixings(copper_gold())
        made = averaged(copper_gold(), kinds, 0.25)
        assert made is not None
        assert made.mixtures == (((CU, 0.5), (AU, 0.5)),)
        (kept,) = disordered(Entry("line", "", structure_line(copper_gold())), Tolerances())
        assert isinstance(kept, Kept)
        assert kept.record.space_group_number == 225
        assert kept.record.identifier == "CuAu:Cu+Au"
        assert np.allclose(np.abs(np.linalg.det(made.lattice)), 3.96**2 * 3.87, rtol=1e-3)
        # No superlattice line is left: the strongest is 111, and indices are all odd or all even.
        table = tabulate(kept.record)
        assert (np.ptp(table.hkl % 2, axis=1) == 0).all()

    def test_a_loose_atom_is_spread_over_its_sites(self) -> None:
        kinds = {NI: NI, OX: OX, H: 0}
        made = averaged(nickel_hydroxide_like(), kinds, 0.1)
        assert made is not None
        hydrogens = [made.parts(int(n)) for n in made.atomic_numbers if int(n) >= 1000]
        assert hydrogens == [((H, 0.125),)] * 8
        assert contents(made) == pytest.approx({NI: 4, OX: 4, H: 1})

    def test_atoms_off_their_places_are_put_there(self) -> None:
        moved = copper_gold()
        moved.fractional[1] += (0.01, -0.015, 0.01)
        made = averaged(moved, {CU: CU, AU: CU}, 0.25)
        assert made is not None
        # A lattice of faces: differences between sites are halves, whatever the origin.
        difference = 2 * (made.fractional - made.fractional[0])
        assert np.allclose(difference, difference.round(), atol=1e-9)

    def test_nothing_where_there_is_no_higher_symmetry(self) -> None:
        salt = record("rock salt")
        assert averaged(salt, {11: 11, 17: 17}, 0.25) is None
        assert not list(mixings(salt))
        assert disordered(Entry("line", "", structure_line(salt)), Tolerances()) == []

    def test_what_cannot_be_read_gives_nothing(self) -> None:
        assert disordered(Entry("line", "", "{}"), Tolerances()) == []

    @given(st.floats(-0.02, 0.02), st.floats(-0.02, 0.02), st.floats(3.7, 4.1))
    def test_no_atom_is_lost_or_made(self, x: float, y: float, c: float) -> None:
        alloy = copper_gold()
        atoms = list(zip(alloy.atomic_numbers.tolist(), alloy.fractional, strict=True))
        atoms[1] = (CU, atoms[1][1] + np.array([x, y, 0]))
        made = averaged(crystal("CuAu", [3.96, 3.96, c, 90, 90, 90], atoms), {CU: CU, AU: CU}, 0.25)
        if made is not None:
            assert contents(made) == pytest.approx({CU: 2, AU: 2})


class TestMixings:
    def test_like_elements_are_of_like_size_and_charge(self) -> None:
        for pair in ((13, 14), (26, 12), (8, 9), (20, 38)):
            assert alike(*pair)
        for pair in ((11, 17), (12, 56), (6, 8), (1, 3)):
            assert not alike(*pair)

    def test_each_way_once_the_gentlest_first(self) -> None:
        spinel = crystal("", [8, 8, 8, 90, 90, 90], [
            (z, (0.1 * i, 0, 0)) for i, z in enumerate([12, 26, 28, OX, H])])  # fmt: skip
        ways = list(mixings(spinel))
        assert ways[0] == {1: 0, OX: OX, 12: 12, 26: 26, 28: 28}
        names = [mixed_name(kinds) for kinds in ways]
        assert names[-1] == "Mg+Fe+Ni,(H)"
        assert len(set(names)) == len(names)

    def test_an_alkali_metal_with_nothing_like_it_is_loose(self) -> None:
        oxide = crystal("", [8, 8, 8, 90, 90, 90], [
            (z, (0.1 * i, 0, 0)) for i, z in enumerate([55, 22, OX])])  # fmt: skip
        assert [mixed_name(kinds) for kinds in mixings(oxide)] == ["(Cs)"]


class TestCommand:
    def test_writes_crystals_that_are_held_out_with_their_own(self, tmp_path: Path) -> None:
        source = tmp_path / "ordered.jsonl"
        lines = [structure_line(copper_gold()), structure_line(record("rutile"))]
        source.write_text("\n".join(lines) + "\n", encoding="utf-8")
        output = tmp_path / "disordered.jsonl.xz"
        arguments = ["disorder", str(source), "--output", str(output), "--processes", "1"]
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0, result.output
        (made,) = read_structures(output)
        assert made.identifier == "CuAu:Cu+Au"
        assert made.family == copper_gold().family

    def test_says_so_where_there_is_none(self, tmp_path: Path) -> None:
        source = tmp_path / "ordered.jsonl"
        source.write_text(structure_line(record("rutile")) + "\n", encoding="utf-8")
        arguments = ["disorder", str(source), "--output", str(tmp_path / "d.jsonl.xz")]
        result = CliRunner().invoke(app, [*arguments, "--processes", "1"])
        assert result.exit_code == 1
        assert "no crystal has a higher symmetry" in result.output
