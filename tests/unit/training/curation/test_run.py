from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.training_judges import dies_at_rutile, interrupted_at_rutile, refuses_to_work
from training.commands import app
from training.curation import CurationError, Source, curate, judge, open_source
from training.structures import StructureRecord, read_structures, structure_line

CIF = """data_{name}
_space_group_name_H-M_alt 'P m -3 m'
_cell_length_a {a}
_cell_length_b {a}
_cell_length_c {a}
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
loop_
_atom_site_label
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Po1 0 0 0
"""


@pytest.fixture
def lines(records: dict[str, StructureRecord], tmp_path: Path) -> list[Source]:
    path = tmp_path / "structures.jsonl"
    path.write_text("".join(structure_line(r) + "\n" for r in records.values()), encoding="utf-8")
    return open_source(path)


def test_folders_archives_and_lines_are_read_alike(lines: list[Source], tmp_path: Path) -> None:
    folder = tmp_path / "cifs" / "deeper"
    folder.mkdir(parents=True)
    (folder / "polonium.CIF").write_text(CIF.format(name="po", a=3.35))
    (folder.parent / "bad.cif").write_bytes(b"\xff\xfe\x00 nonsense '")
    with zipfile.ZipFile(tmp_path / "cifs" / "more.zip", "w") as archive:
        archive.writestr("a/one.cif", CIF.format(name="one", a=3.4))
        archive.writestr("readme.txt", "not a structure")
    sources = open_source(tmp_path / "cifs") + lines
    report = curate(sources, tmp_path / "out.jsonl.xz", judge=judge)
    names = [record.identifier for record in read_structures(tmp_path / "out.jsonl.xz")]
    assert names == ["deeper/polonium", "a/one", *(r.identifier for r in _all(lines))]
    assert (report.entries, report.structures, report.kept) == (8, 8, 7)
    assert report.rules[0].fell == 1
    (rejected,) = (tmp_path / "out.rejected.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(rejected)["id"] == "bad.cif"
    assert json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["kept"] == 7
    assert not (tmp_path / "out.parts").exists()


def test_what_was_left_out_is_no_source(lines: list[Source], tmp_path: Path) -> None:
    folder = tmp_path / "curated"
    folder.mkdir()
    curate(lines, folder / "mine.jsonl.xz", judge=judge)
    kept = list(read_structures(folder / "mine.jsonl.xz"))
    (folder / "mine.rejected.jsonl").write_text('{"id": "bad", "rule": "atoms"}\n', "utf-8")
    assert [source.path.name for source in open_source(folder)] == ["mine.jsonl.xz"]
    assert len(list(read_structures(folder))) == len(kept)


def _all(lines: list[Source]) -> list[StructureRecord]:
    return list(read_structures(lines[0].path))


def test_goes_on_where_it_was_interrupted(lines: list[Source], tmp_path: Path) -> None:
    whole, output = tmp_path / "whole.jsonl.xz", tmp_path / "out.jsonl.xz"
    curate(lines, whole, part=2)
    with pytest.raises(KeyboardInterrupt):
        curate(lines, output, part=1, judge=interrupted_at_rutile)
    done = {p.name for p in (tmp_path / "out.parts").glob("*.counts.json")}
    assert "000000.counts.json" in done
    assert "000003.counts.json" not in done
    counted: list[int] = []
    curate(lines, output, part=1, processes=2, progress=counted.append)
    assert sum(counted) == 5
    kept = [[r.identifier for r in read_structures(path)] for path in (whole, output)]
    assert kept[0] == kept[1]


def test_what_is_done_is_not_done_again(
    lines: list[Source], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.curation._run.shutil.rmtree", lambda path: None)
    first = curate(lines, tmp_path / "out.jsonl.xz")
    again = curate(lines, tmp_path / "out.jsonl.xz", judge=refuses_to_work)
    assert again.rules == first.rules


def test_a_process_that_dies_costs_one_structure(lines: list[Source], tmp_path: Path) -> None:
    report = curate(lines, tmp_path / "out.jsonl.xz", judge=dies_at_rutile)
    assert report.kept == 4
    (row,) = (tmp_path / "out.rejected.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(row) == {
        "id": "structures.jsonl:4",
        "rule": "readable",
        "reason": "the process that read it died",
        "values": {"remedy": "look whether it is huge or damaged; memory may have run out"},
    }


def test_parts_of_another_curation_are_not_mixed_in(lines: list[Source], tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        curate(lines, tmp_path / "out.jsonl.xz", part=1, judge=interrupted_at_rutile)
    with pytest.raises(CurationError, match="another curation"):
        curate(lines, tmp_path / "out.jsonl.xz", part=2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "no such file"),
        (lambda path: path.mkdir(), "no .cif"),
        (lambda path: path.write_text("x"), "not a .cif"),
    ],
)
def test_sources_that_are_none(
    make: Callable[[Path], object], message: str, tmp_path: Path
) -> None:
    make(tmp_path / "source")
    with pytest.raises(CurationError, match=message):
        open_source(tmp_path / "source")


def test_archives_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_text("x")
    with pytest.raises(CurationError, match="not a readable zip"):
        open_source(tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("a.txt", "x")
    with pytest.raises(CurationError, match=r"no \.cif file"):
        open_source(tmp_path / "b.zip")


def test_command_says_what_is_wrong(tmp_path: Path) -> None:
    run = CliRunner().invoke(app, ["curate", str(tmp_path / "nowhere"), "--output", "x.jsonl.xz"])
    assert run.exit_code == 2
    assert "no such file" in run.stderr
    (tmp_path / "po.cif").write_text(CIF.format(name="po", a=3.35))
    command = ["curate", str(tmp_path / "po.cif"), "--output", str(tmp_path / "x.json")]
    run = CliRunner().invoke(app, command)
    assert run.exit_code == 2
    assert ".jsonl.xz" in run.stderr


def test_command_fails_when_nothing_is_kept(tmp_path: Path) -> None:
    (tmp_path / "bad.cif").write_text("nonsense")
    command = ["curate", str(tmp_path / "bad.cif"), "--output", str(tmp_path / "x.jsonl.xz")]
    run = CliRunner().invoke(app, [*command, "--processes", "1"])
    assert run.exit_code == 1
    assert "nothing was kept" in run.stderr
