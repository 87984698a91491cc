"""Structures → unit-cell contents: special positions, ions, and what is refused."""

from __future__ import annotations

from pathlib import Path

import gemmi
import numpy as np
import pytest

from alphadiffract_stream.simulation import (
    StructureError,
    form_factor,
    read_cif,
    reflections,
    unit_cell_contents,
)


def structure(group: str, cell: tuple[float, ...], sites: dict[str, tuple[float, ...]]):
    result = gemmi.SmallStructure()
    result.name = "test"
    result.spacegroup_hm = group
    result.cell = gemmi.UnitCell(*cell)
    result.determine_and_set_spacegroup("H")
    for name, position in sites.items():
        site = gemmi.SmallStructure.Site()
        site.label = site.type_symbol = name
        site.element = gemmi.Element(name)
        site.fract = gemmi.Fractional(*position)
        site.occ = 1.0
        result.add_site(site)
    return result


def test_rock_salt_has_eight_atoms_and_no_mixed_parity() -> None:
    salt = structure("F m -3 m", (5.64,) * 3 + (90.0,) * 3, {"Na": (0, 0, 0), "Cl": (0.5, 0, 0)})
    contents = unit_cell_contents(salt)
    assert contents.species.count("Na") == contents.species.count("Cl") == 4
    table = reflections(contents, 1.0, 10.0)
    assert (np.ptp(table.hkl % 2, axis=1) == 0).all()
    # 111 against 200: sublattices subtract in the first and add in the second.
    assert table.hkl[0].tolist() == [1, 1, 1]
    assert table.hkl[1].tolist() == [2, 0, 0]
    assert table.f_squared[0] < 0.2 * table.f_squared[1]
    assert table.multiplicity[:2].tolist() == [8, 6]


def test_a_third_given_to_three_digits_is_put_on_its_special_position() -> None:
    rounded = structure(
        "P 63/m m c", (2.66, 2.66, 4.95, 90, 90, 120), {"Zn": (0.3333, 0.6667, 0.25)}
    )
    contents = unit_cell_contents(rounded)
    assert len(contents.species) == 2
    np.testing.assert_allclose(
        np.sort(contents.fractional[:, 0]), [1 / 3, 2 / 3], rtol=0, atol=1e-9
    )


def test_ions_scatter_as_ions() -> None:
    at_zero = np.zeros(1)
    assert form_factor("Na", at_zero)[0] == pytest.approx(11, abs=0.05)
    assert form_factor("Na1+", at_zero)[0] == pytest.approx(10, abs=0.05)
    assert form_factor("Cl1-", at_zero)[0] == pytest.approx(18, abs=0.05)


def test_unknown_space_group_is_refused() -> None:
    bad = structure("F m -3 m", (5, 5, 5, 90, 90, 90), {"Na": (0, 0, 0)})
    bad.spacegroup = None
    bad.spacegroup_hm = "Q 17"
    with pytest.raises(StructureError, match="Q 17"):
        unit_cell_contents(bad)


def test_corrupt_cif_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "broken.cif"
    path.write_text("data_x\nloop_\n_atom_site_label\n_atom_site_fract_x\nNa1 0 Cl1\n")
    with pytest.raises(StructureError, match=r"broken\.cif"):
        read_cif(path)


def test_cif_without_atoms_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.cif"
    path.write_text("data_x\n_cell_length_a 5\n")
    with pytest.raises(StructureError, match="no atom sites"):
        read_cif(path)
