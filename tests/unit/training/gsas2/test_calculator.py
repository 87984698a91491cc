from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from alphadiffract_stream.simulation import (
    Profile,
    StructureError,
    UnitCellContents,
    read_cif,
    reflections,
)
from tests.gsas2 import FakeScriptable
from training.gsas2 import Calculator, available, calculator, load_scriptable
from training.gsas2 import _module as module
from training.gsas2._calculator import gsas2_type
from training.structures import D_MAX, D_MIN, StructureRecord, standardize, tabulate

NEEDS_GSAS2 = pytest.mark.skipif(not available(), reason="GSAS-II is not installed")


@pytest.fixture
def zinc(records: dict[str, StructureRecord]) -> UnitCellContents:
    return standardize(records["zinc"]).contents


@pytest.mark.parametrize("name", ["rock salt", "zinc", "rutile", "triclinic"])
def test_a_faithful_gsas2_is_taken_at_its_word(
    records: dict[str, StructureRecord], name: str
) -> None:
    contents = standardize(records[name]).contents
    fake = FakeScriptable()
    table = Calculator(fake).reflections(contents, D_MIN, D_MAX)
    expected = reflections(contents, D_MIN, D_MAX)
    np.testing.assert_allclose(table.d, expected.d, rtol=1e-6)
    np.testing.assert_allclose(table.f_squared, expected.f_squared, rtol=1e-4, atol=1e-6)
    assert (table.multiplicity == expected.multiplicity).all()
    assert (table.volume, table.cell) == (expected.volume, contents.cell)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("reads P 1", r"'P 63/m m c' as 'P 1' with other operations"),
        ("refuses the symbol", "does not read 'P 63/m m c': Space group error"),
        ("does not know the element", "takes atom type 'Zn' as 'H'"),
        ("puts atoms beside special positions", "4 Zn for 2 in the cell"),
        ("stretches the cell", "has cell"),
        ("loses a reflection", "lists .* reflections .* expected"),
    ],
)
def test_what_gsas2_does_silently_is_said(zinc: UnitCellContents, fault: str, message: str) -> None:
    with pytest.raises(StructureError, match=message):
        Calculator(FakeScriptable(fault)).reflections(zinc, D_MIN, D_MAX)


def test_origin_1_is_shifted_and_a_wrong_origin_is_refused(tmp_path: Path) -> None:
    """Silicon at the eighths of origin 1: GSAS-II knows only origin 2."""
    (tmp_path / "si.cif").write_text(
        "data_si\n_cell_length_a 5.43\n_cell_length_b 5.43\n_cell_length_c 5.43\n"
        "_cell_angle_alpha 90\n_cell_angle_beta 90\n_cell_angle_gamma 90\n"
        "_space_group_name_H-M_alt 'F d -3 m:1'\nloop_\n_atom_site_label\n"
        "_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\nSi1 0 0 0\n"
    )
    contents = read_cif(tmp_path / "si.cif")
    assert contents.space_group.ext == "1"
    table = Calculator(FakeScriptable()).reflections(contents, D_MIN, D_MAX)
    expected = reflections(contents, D_MIN, D_MAX)
    np.testing.assert_allclose(table.f_squared, expected.f_squared, rtol=1e-6, atol=1e-6)
    with pytest.raises(StructureError, match="other operations"):
        Calculator(FakeScriptable("takes origin 1")).reflections(contents, D_MIN, D_MAX)


def test_patterns_have_no_background_of_their_own(zinc: UnitCellContents) -> None:
    profiles = [Profile(size=0.2), Profile(size=0.9, U=1.0)]
    patterns = Calculator(FakeScriptable()).patterns(zinc, profiles)
    assert patterns.shape == (2, 8192)
    assert patterns.min() < 1e-6
    with pytest.raises(StructureError, match="background of 1"):
        Calculator(FakeScriptable("keeps a background")).patterns(zinc, profiles)


def test_ions_unknown_to_gsas2_are_taken_as_neutral(tmp_path: Path) -> None:
    (tmp_path / "s.cif").write_text(
        "data_s\n_cell_length_a 4.2\n_cell_length_b 4.2\n_cell_length_c 4.2\n"
        "_cell_angle_alpha 90\n_cell_angle_beta 90\n_cell_angle_gamma 90\n"
        "_space_group_name_H-M_alt 'F m -3 m'\nloop_\n_atom_site_label\n_atom_site_type_symbol\n"
        "_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n"
        "Mg1 Mg2+ 0 0 0\nO1 O2- 0.5 0.5 0.5\n"
    )
    contents = read_cif(tmp_path / "s.cif")
    assert set(contents.species) == {"Mg2+", "O2-"}
    for fault in ("", "does not know ions"):
        assert len(Calculator(FakeScriptable(fault)).reflections(contents, D_MIN, D_MAX))


def test_types_as_gsas2_writes_them() -> None:
    assert [gsas2_type(s) for s in ("Ca", "O2-", "Na+", "Na1+", "Cl-")] == [
        "Ca",
        "O-2",
        "Na+1",
        "Na+1",
        "Cl-1",
    ]


def test_each_calculator_has_a_folder_and_bears_threads_one_at_a_time(
    zinc: UnitCellContents,
) -> None:
    fakes = [FakeScriptable(), FakeScriptable()]
    calculators = [Calculator(fake) for fake in fakes]
    tables = []
    threads = [
        threading.Thread(target=lambda c=c: tables.append(c.reflections(zinc, D_MIN, D_MAX)))
        for c in calculators * 3
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(tables) == 6
    assert fakes[0].folders.isdisjoint(fakes[1].folders)


def test_another_process_may_not_use_it(
    zinc: UnitCellContents, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Calculator(FakeScriptable())
    monkeypatch.setattr("training.gsas2._calculator.getpid", lambda: -1)
    with pytest.raises(RuntimeError, match="process that made it"):
        made.reflections(zinc, D_MIN, D_MAX)


def test_without_gsas2_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "NAMES", ("no_such_gsas2.scriptable", "no_such_gsas2"))
    assert not module.available()
    with pytest.raises(ImportError, match="--engine builtin"):
        module.load_scriptable()


@NEEDS_GSAS2
def test_real_gsas2_gives_its_golden_patterns(data_dir: Path) -> None:
    worst = {}
    for path in sorted((data_dir / "golden_gsas2").glob("*.npz")):
        contents = read_cif(path.parent / "cif" / f"{path.stem}.cif")
        with np.load(path) as golden:
            names = ("microstrain", "size", "U", "V", "W")
            params = golden["params"][:, :5]
            profiles = [Profile(**dict(zip(names, row, strict=True))) for row in params]
            patterns = calculator().patterns(contents, profiles)
            worst[path.stem] = np.abs(
                patterns / golden["y"].max() - golden["y"] / golden["y"].max()
            )
    assert {name: e.max() for name, e in worst.items() if e.max() > 1e-5} == {}


@NEEDS_GSAS2
def test_real_gsas2_tabulates_as_the_builtin_engine(
    records: dict[str, StructureRecord],
) -> None:
    load_scriptable()
    for record in records.values():
        ours, theirs = tabulate(record), tabulate(record, "gsas2")
        np.testing.assert_allclose(
            theirs.strength.sum() / ours.strength.sum(), 1, rtol=5e-3, err_msg=record.identifier
        )
        assert len(theirs.hkl) == len(ours.hkl)
