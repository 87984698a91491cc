"""The crystals typed in must be the crystals meant: their geometry says whether they are."""

from __future__ import annotations

from itertools import pairwise

import gemmi
import numpy as np
import pytest

from alphadiffract_stream.demo._crystals import (
    ARAGONITE,
    CALCITE,
    LIME,
    ROOM_TEMPERATURE,
    Phase,
)
from alphadiffract_stream.demo._samples import BARIUM_TITANATE, SAMPLES
from alphadiffract_stream.simulation import UnitCellContents

PHASES = {phase.name: phase for sample in SAMPLES.values() for phase in sample.phases}


def bond_lengths(
    contents: UnitCellContents, first: str, second: str, longest: float
) -> list[float]:
    cell = np.array(gemmi.UnitCell(*contents.cell).orth.mat.tolist())
    species = np.array(contents.species)
    shifts = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3), axis=-1).reshape(-1, 3)
    ends = contents.fractional[species == second][:, None] + shifts
    difference = ends[None] - contents.fractional[species == first][:, None, None]
    distance = np.linalg.norm(difference @ cell.T, axis=-1).ravel()
    return sorted(distance[(distance > 0.5) & (distance < longest)])


@pytest.mark.parametrize("phase", PHASES.values(), ids=list(PHASES))
def test_composition_and_space_group(phase: Phase) -> None:
    contents = phase.contents(ROOM_TEMPERATURE)
    assert contents.space_group.number == phase.space_group_number
    assert gemmi.find_spacegroup_by_number(phase.space_group_number).hm == phase.space_group_symbol
    assert contents.space_group.crystal_system_str() == phase.crystal_system
    assert contents.species.count(phase.formula[:2]) == phase.formula_units
    oxygen = 3 if phase.formula.endswith("O3") else 1
    assert contents.species.count("O") == oxygen * phase.formula_units


def test_carbonate_bonds_are_those_of_the_literature() -> None:
    """Aragonite: C–O 1.28 Å, nine Ca–O 2.41–2.65 Å; calcite: C–O 1.28 Å, six Ca–O 2.36 Å."""
    contents = ARAGONITE.contents(ROOM_TEMPERATURE)
    carbon = bond_lengths(contents, "C", "O", 1.6)
    calcium = bond_lengths(contents, "Ca", "O", 2.8)
    assert len(carbon) == 4 * 3
    assert 1.27 < carbon[0] < carbon[-1] < 1.30
    assert len(calcium) == 4 * 9
    assert 2.40 < calcium[0] < calcium[-1] < 2.67

    contents = CALCITE.contents(ROOM_TEMPERATURE)
    assert bond_lengths(contents, "C", "O", 1.6) == pytest.approx([1.281] * 18, abs=0.005)
    assert bond_lengths(contents, "Ca", "O", 2.8) == pytest.approx([2.360] * 36, abs=0.01)


def test_densities_are_those_of_the_minerals() -> None:
    """Aragonite is denser than calcite: 2.93 against 2.71 g/cm³; lime 3.35."""
    for phase, density in ((ARAGONITE, 2.93), (CALCITE, 2.71), (LIME, 3.35)):
        mass = 100.087 if phase.formula == "CaCO3" else 56.077
        volume = gemmi.UnitCell(*phase.cell).volume
        assert phase.formula_units * mass / 0.602214076 / volume == pytest.approx(density, abs=0.02)


def test_cells_grow_by_the_volume_expansion_published() -> None:
    """α_V in 10⁻⁶ K⁻¹: aragonite 58(2) to 723 K, calcite 27, lime 40."""
    for phase, alpha in ((ARAGONITE, 60e-6), (CALCITE, 27e-6), (LIME, 40e-6)):
        cold, hot = (gemmi.UnitCell(*phase.cell_at(t)).volume for t in (300.0, 600.0))
        assert (hot / cold - 1) / 300 == pytest.approx(alpha, rel=0.05)
    assert CALCITE.cell_at(900.0)[0] < CALCITE.cell_at(300.0)[0]


def test_barium_titanate_is_off_centre_until_it_is_cubic() -> None:
    """Six Ti–O bonds of 1.8–2.2 Å: three and three, two-two-two, one-four-one, and all equal."""
    found = []
    for phase in BARIUM_TITANATE.phases:
        contents = phase.contents(phase.measured_at)
        bonds = np.array(bond_lengths(contents, "Ti", "O", 2.3))
        assert len(bonds) == 6 * phase.formula_units
        found.append(np.unique(bonds.round(3)).size)
        assert 1.8 < bonds[0] <= bonds[-1] < 2.25
    assert found == [2, 3, 3, 1]


def test_barium_titanate_grows_steadily_over_its_transitions() -> None:
    """Pseudo-cubic edges differ by less than 0.15 % where one phase turns into the next."""
    for (below, above), (start, stop) in zip(
        pairwise(BARIUM_TITANATE.phases),
        BARIUM_TITANATE.transitions,
        strict=True,
    ):
        at = (start + stop) / 2
        edges = [
            (gemmi.UnitCell(*phase.cell_at(at)).volume / phase.formula_units) ** (1 / 3)
            for phase in (below, above)
        ]
        assert 0.9995 < edges[1] / edges[0] < 1.0015
