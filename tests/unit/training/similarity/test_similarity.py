from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

pytest.importorskip("pymatgen.core", reason="the `train` extra brings it")

from training.commands import app
from training.similarity import FEATURES, clusters, compare, fingerprint, gather, summarize
from training.structures import StructureRecord, structure_line


def renamed(record: StructureRecord, name: str, scale: float = 1.0) -> StructureRecord:
    return replace(record, identifier=name, lattice=record.lattice * scale)


@pytest.fixture(scope="module")
def salts(records: dict[str, StructureRecord]) -> dict[str, StructureRecord]:
    """Rock salt twice, once of another formula; and its composition without bonds of its kind."""
    salt = records["rock salt"]
    return {
        "salt": renamed(salt, "salt"),
        "larger": renamed(salt, "larger", 1.02),
        "lithium": replace(
            renamed(salt, "lithium"),
            atomic_numbers=np.where(salt.atomic_numbers == 11, 3, 17).astype(np.int32),
        ),
    }


def test_an_octahedral_site_is_one(records: dict[str, StructureRecord]) -> None:
    mean, deviation, least, greatest = fingerprint(records["rock salt"]).reshape(4, FEATURES)
    np.testing.assert_allclose(mean, least)
    np.testing.assert_allclose(mean, greatest)
    np.testing.assert_allclose(deviation, 0, atol=1e-6)
    # Coordination number 6 with all weight, and its octahedron perfect: two ones, no other.
    np.testing.assert_allclose(np.sort(mean)[-2:], [1, 1], atol=1e-3)
    assert np.sort(mean)[-3] < 0.6  # half of it looks like a pentagonal pyramid


def test_neither_size_nor_chemistry_nor_setting_matters(
    salts: dict[str, StructureRecord],
) -> None:
    expected = fingerprint(salts["salt"])
    np.testing.assert_allclose(fingerprint(salts["larger"]), expected, atol=1e-6)
    twice = replace(
        salts["salt"],
        lattice=salts["salt"].lattice * np.array([[1.0], [1.0], [2.0]]),
        fractional=np.concatenate(
            [(salts["salt"].fractional + np.array([0, 0, i])) / np.array([1, 1, 2]) for i in (0, 1)]
        ),
        atomic_numbers=np.tile(salts["salt"].atomic_numbers, 2),
    )
    np.testing.assert_allclose(fingerprint(twice), expected, atol=1e-6)


def test_topologies_are_told_apart(records: dict[str, StructureRecord]) -> None:
    prints = [fingerprint(records[name]) for name in ("rock salt", "caesium chloride", "rutile")]
    for i, one in enumerate(prints):
        for other in prints[:i]:
            assert np.linalg.norm(one - other) > 0.9


def test_complete_linkage_bounds_the_diameter() -> None:
    line = np.array([[0.0], [0.5], [1.0], [5.0]])
    # Single linkage would join the first three: 0.5 apart each, but 1.0 from end to end.
    found = clusters(line, 0.9)
    assert found[3] not in found[:3]
    assert len(set(found[:3].tolist())) == 2
    assert clusters(line[:1]).tolist() == [0]
    assert len(set(clusters(line, 1.0)[:3].tolist())) == 1


def test_counts_between_two_sets(salts: dict[str, StructureRecord], tmp_path: Path) -> None:
    families = gather({"ours": [salts["salt"], salts["lithium"]], "theirs": [salts["larger"]]})
    results = compare(families, tmp_path, threshold=0.9, processes=1)
    summary = summarize(results, families.sets, 0.9)
    assert (summary.families, summary.structures, summary.compared) == (2, 3, 2)
    shares = {name: (s.unique, s.equivalent) for name, s in summary.shares.items()}
    assert shares == {"ours": (1, 0), "ours + theirs": (1, 1)}
    assert summary.largest == [("salt", 2)]


def test_what_was_compared_is_not_compared_again(
    salts: dict[str, StructureRecord], tmp_path: Path
) -> None:
    families = gather({"ours": [salts["salt"], salts["larger"]]})
    compare(families, tmp_path, threshold=0.9, processes=1)
    (part,) = tmp_path.glob("0*.json")
    rows = json.loads(part.read_text(encoding="utf-8"))
    rows[0]["identifiers"][0] = "from the part"
    part.write_text(json.dumps(rows), encoding="utf-8")
    (again,) = compare(families, tmp_path, threshold=0.9, processes=1)
    assert again.identifiers[0] == "from the part"
    with pytest.raises(ValueError, match="another comparison"):
        compare(families, tmp_path, threshold=0.8, processes=1)


def test_a_sample_is_always_the_same(records: dict[str, StructureRecord]) -> None:
    families = gather({"all": records.values()})
    backwards = gather({"all": reversed(records.values())})
    chosen = [name for name, _ in families.sampled(2)]
    assert len(chosen) == 2
    assert [name for name, _ in backwards.sampled(2)] == chosen


def test_command_writes_a_report(salts: dict[str, StructureRecord], tmp_path: Path) -> None:
    for name in ("salt", "larger"):
        line = structure_line(salts[name])
        (tmp_path / f"{name}.jsonl").write_text(line + "\n", encoding="utf-8")
    command = ["similarity", str(tmp_path / "salt.jsonl"), str(tmp_path / "larger.jsonl")]
    command += ["--output", str(tmp_path / "report"), "--processes", "1"]
    run = CliRunner().invoke(app, command)
    assert run.exit_code == 0, run.stderr
    text = (tmp_path / "report" / "similarity.md").read_text(encoding="utf-8")
    assert "| salt + larger | 1 | 1 | 100.0 % |" in text
    assert (tmp_path / "report" / "similarity.png").stat().st_size > 5000
    shares = json.loads((tmp_path / "report" / "similarity.json").read_text(encoding="utf-8"))
    assert shares["shares"] == {"salt + larger": {"unique": 1, "equivalent": 1}}


def test_command_names_a_missing_set(tmp_path: Path) -> None:
    run = CliRunner().invoke(app, ["similarity", str(tmp_path / "none.jsonl.xz")])
    assert run.exit_code == 2
    assert "none.jsonl.xz" in run.stderr
