from __future__ import annotations

import json
import sqlite3
from base64 import b64encode
from collections.abc import Sequence
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from training.commands import app
from training.curation import CurationError, installed_amcsd, open_source, records_of
from training.structures import StructureRecord, read_structures

SCHEMA = """
CREATE TABLE minerals (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE spacegroups (id INTEGER PRIMARY KEY, hm_notation TEXT, symmetry_xyz TEXT);
CREATE TABLE cif (
    id INTEGER PRIMARY KEY, mineral_id INTEGER, spacegroup_id INTEGER, formula TEXT,
    compound TEXT, pub_title TEXT, a TEXT, b TEXT, c TEXT, alpha TEXT, beta TEXT, gamma TEXT,
    atoms_sites TEXT, atoms_x TEXT, atoms_y TEXT, atoms_z TEXT, atoms_occupancy TEXT,
    atoms_u_iso TEXT, atoms_aniso_label TEXT, atoms_aniso_u11 TEXT, atoms_aniso_u22 TEXT,
    atoms_aniso_u33 TEXT, atoms_aniso_u12 TEXT, atoms_aniso_u13 TEXT, atoms_aniso_u23 TEXT
);
INSERT INTO minerals VALUES (1, 'Periclase'), (2, 'Ice VII');
INSERT INTO spacegroups VALUES
    (1, 'P m -3 m', '["x,y,z"]'), (2, 'F m -3 m', NULL), (3, 'I m m a %var1%', NULL);
"""


def packed(values: Sequence[float]) -> str:
    return b64encode((np.asarray(values) * 4e6).round().astype("<i4").tobytes()).decode()


def add(database: sqlite3.Connection, number: int, **columns: object) -> None:
    row = {
        "mineral_id": 1,
        "spacegroup_id": 2,
        "formula": "Mg.8 Fe.2 O",
        "compound": "<missing>",
        "pub_title": "Periclase with iron",
        **dict.fromkeys("abc", "4.25"),
        **dict.fromkeys(("alpha", "beta", "gamma"), "90"),
        "atoms_sites": json.dumps(["MgM", "FeM", "O-h"]),
        **{f"atoms_{axis}": packed([0, 0, 0.5]) for axis in "xyz"},
        "atoms_occupancy": packed([0.8, 0.2, 3.0]),
        "atoms_u_iso": "0",
        "atoms_aniso_label": '"<missing>"',
        **{f"atoms_aniso_u{i}": "0" for i in (11, 22, 33, 12, 13, 23)},
        **columns,
    }
    names = ", ".join(["id", *row])
    marks = ", ".join("?" * (len(row) + 1))
    database.execute(f"INSERT INTO cif ({names}) VALUES ({marks})", [number, *row.values()])


@pytest.fixture
def minerals(tmp_path: Path) -> Path:
    path = tmp_path / "amcsd_cif1.db"
    with closing(sqlite3.connect(path)) as database:
        database.executescript(SCHEMA)
        add(database, 7)
        add(database, 9, pub_title="Hypothetical periclase, calculated with DFT")
        add(database, 11, spacegroup_id=3)
        add(
            database,
            12,
            atoms_u_iso=packed([0.004, 0.005, 2.0]),
            atoms_aniso_label=json.dumps(["O-h"]),
            **{f"atoms_aniso_u{i}": packed([0.01]) for i in (11, 22, 33)},
            **{f"atoms_aniso_u{i}": packed([0.0]) for i in (12, 13, 23)},
        )
        add(database, 13, a="nan")
        add(database, 14, atoms_sites='"<missing>"')
        database.commit()
    return path


def records(path: Path) -> dict[str, StructureRecord | Exception]:
    (source,) = open_source(path)
    return {entry.name: found for entry in source.entries() for found in records_of(entry)}


def test_sites_labels_and_occupancies(minerals: Path) -> None:
    record = records(minerals)["amcsd-7"]
    assert isinstance(record, StructureRecord)
    assert record.space_group_number == 225
    assert record.mixtures == (((12, 0.8), (26, 0.2)),)
    # A dot for the occupancy of oxygen: whole.
    assert sorted(record.atomic_numbers.tolist()) == [8] * 4 + [1000] * 4
    assert record.theoretical is False


def test_what_was_calculated_is_said_to_be(minerals: Path) -> None:
    record = records(minerals)["amcsd-9"]
    assert isinstance(record, StructureRecord)
    assert record.theoretical is True


def test_displacements(minerals: Path) -> None:
    record = records(minerals)["amcsd-12"]
    assert isinstance(record, StructureRecord)
    assert record.u_iso is not None
    oxygen = record.atomic_numbers == 8
    np.testing.assert_allclose(record.u_iso[oxygen], 0.01, rtol=1e-6)
    np.testing.assert_allclose(record.u_iso[~oxygen], 0.004, rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("amcsd-11", "is not known"),
        ("amcsd-13", "impossible cell"),
        ("amcsd-14", "no atom sites"),
    ],
)
def test_why_one_cannot_be_read(minerals: Path, name: str, words: str) -> None:
    found = records(minerals)[name]
    assert isinstance(found, Exception)
    assert words in str(found)


def test_the_command_takes_the_file(minerals: Path, tmp_path: Path) -> None:
    output = tmp_path / "kept.jsonl.xz"
    arguments = ["curate", str(minerals), "--output", str(output), "--processes", "1"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    kept = {record.identifier: record for record in read_structures(output)}
    assert {name: record.theoretical for name, record in kept.items()} == {
        "amcsd-7": False,
        "amcsd-9": True,
        "amcsd-12": False,
    }


@pytest.mark.parametrize(
    ("content", "words"), [(b"SQLite it is not" * 64, "not a SQLite"), (b"", "no table")]
)
def test_another_file_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "other.db"
    path.write_bytes(content)
    with pytest.raises(CurationError, match=words):
        open_source(path)


def test_without_larixite_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.curation._amcsd.find_spec", lambda name: None)
    result = CliRunner().invoke(app, ["curate", "amcsd"])
    assert result.exit_code == 2
    assert "pip install --no-deps larixite" in " ".join(result.output.split())


@pytest.mark.skipif(find_spec("larixite") is None, reason="larixite is not installed")
def test_the_real_minerals() -> None:
    (source,) = open_source(installed_amcsd())
    found = [
        f for entry, _ in zip(source.entries(), range(200), strict=False) for f in records_of(entry)
    ]
    readable = [record for record in found if isinstance(record, StructureRecord)]
    assert len(readable) > 190
    galena = readable[0]
    assert (galena.formula, galena.space_group_number) == ("Pb4S4", 225)
