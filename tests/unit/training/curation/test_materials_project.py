from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from training.curation import CurationError, curate, download_materials_project, open_source
from training.structures import read_structures

CHLORIDES = {f"mp-{i}": (z, 4.0 + i / 100) for i, z in enumerate((55, 37, 81), start=1)}


class Summary:
    """What we ask of ``MPRester(…).materials.summary``."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.withheld: set[str] = set()
        self.fails_from = 10**6

    def search(self, **query: Any) -> list[dict[str, Any]]:
        self.asked.append(query)
        if len(self.asked) > self.fails_from:
            raise ConnectionError("the line is dead")
        if query["fields"] == ["material_id"]:
            assert query["deprecated"] is False
            assert query["include_gnome"] is False
            return [{"material_id": identifier} for identifier in reversed(CHLORIDES)]
        wanted = set(query["material_ids"]) - self.withheld
        assert query["fields"] == ["material_id", "structure", "theoretical"]
        return [
            {
                "material_id": i,
                "structure": structure(*CHLORIDES[i]),
                "theoretical": i == "mp-2",
            }
            for i in sorted(wanted)
        ]


def structure(z: int, a: float) -> Any:
    core = pytest.importorskip("pymatgen.core", reason="needs the `train` extra")
    return core.Structure(
        core.Lattice.cubic(a), [core.Element.from_Z(z), "Cl"], [[0] * 3, [0.5] * 3]
    )


@pytest.fixture
def summary(monkeypatch: pytest.MonkeyPatch) -> Summary:
    summary = Summary()

    class MPRester:
        def __init__(self, key: str, **options: Any) -> None:
            assert key == "mine"
            self.materials = type("Materials", (), {"summary": summary})

        def __enter__(self) -> MPRester:
            return self

        def __exit__(self, *exc: object) -> None:
            pass

    client = ModuleType("mp_api.client")
    client.MPRester = MPRester  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "mp_api", ModuleType("mp_api"))
    monkeypatch.setitem(sys.modules, "mp_api.client", client)
    return summary


def test_downloaded_structures_are_curated_like_any(summary: Summary, tmp_path: Path) -> None:
    progress: list[tuple[int, int]] = []
    files = download_materials_project(
        tmp_path / "mp", "mine", batch=2, progress=lambda *p: progress.append(p)
    )
    assert progress == [(2, 3), (3, 3)]
    report = curate([s for f in files for s in open_source(f)], tmp_path / "out.jsonl.xz")
    assert report.kept == 3
    kept = list(read_structures(tmp_path / "out.jsonl.xz"))
    assert [record.identifier for record in kept] == ["mp-1", "mp-2", "mp-3"]
    assert {record.space_group_number for record in kept} == {221}
    assert [record.theoretical for record in kept] == [False, True, False]
    assert kept[2].lattice[0, 0] == pytest.approx(4.03)


def test_an_interrupted_download_goes_on(summary: Summary, tmp_path: Path) -> None:
    summary.fails_from = 2
    with pytest.raises(ConnectionError):
        download_materials_project(tmp_path, "mine", batch=1)
    summary.fails_from = 10**6
    files = download_materials_project(tmp_path, "mine", batch=1)
    assert len(files) == 3
    assert [q.get("material_ids") for q in summary.asked] == [
        None, ["mp-1"], ["mp-2"], ["mp-2"], ["mp-3"]
    ]  # fmt: skip


def test_structures_that_do_not_come_are_noticed(summary: Summary, tmp_path: Path) -> None:
    summary.withheld = {"mp-2"}
    with pytest.raises(CurationError, match=r"1 of 3 structures \(mp-2"):
        download_materials_project(tmp_path, "mine")
    assert not list(tmp_path.glob("*.xz"))


def test_one_chemical_system(summary: Summary, tmp_path: Path) -> None:
    download_materials_project(tmp_path, "mine", chemical_system="Cs-Cl")
    assert summary.asked[0]["chemsys"] == "Cs-Cl"
    with pytest.raises(CurationError, match="holds structures of Cs-Cl"):
        download_materials_project(tmp_path, "mine", chemical_system="Rb-Cl")


def test_without_a_key(tmp_path: Path) -> None:
    with pytest.raises(CurationError, match="MP_API_KEY"):
        download_materials_project(tmp_path, None)


def test_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mp_api", None)
    monkeypatch.setitem(sys.modules, "mp_api.client", None)
    with pytest.raises(CurationError, match=r"alphadiffract-stream\[mp\]"):
        download_materials_project(tmp_path, "mine")
