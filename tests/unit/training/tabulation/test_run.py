from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from alphadiffract_stream.errors import AlphaDiffractError, ConfigurationError
from training.commands import app
from training.curation import open_source
from training.reflections import ReflectionStore
from training.structures import StructureRecord, structure_line
from training.tabulation import _run as run
from training.tabulation import open_executor, ordered, tabulate_entries, tabulate_sources

SALT = """data_{name}
_cell_length_a {a}
_cell_length_b {a}
_cell_length_c {a}
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_space_group_name_H-M_alt '{group}'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
{atoms}
"""
ROCK_SALT = "Na1 Na 0 0 0\nCl1 Cl 0.5 0.5 0.5\n"


def cif(name: str, a: float = 5.64, group: str = "F m -3 m", atoms: str = ROCK_SALT) -> str:
    return SALT.format(name=name, a=a, group=group, atoms=atoms)


@pytest.fixture
def cifs(tmp_path: Path) -> Path:
    """One good structure, and one of each kind of trouble."""
    folder = tmp_path / "cifs"
    folder.mkdir()
    (folder / "good.cif").write_text(cif("good"))
    (folder / "corrupt.cif").write_text("data_x\nloop_\n_atom_site_label\n_cell_length_a '5.6")
    (folder / "binary.cif").write_bytes(bytes(range(256)))
    (folder / "empty.cif").write_text("")
    (folder / "element.cif").write_text(cif("element", atoms="Xx1 Xx 0 0 0\n"))
    # The longest spacing of simple cubic polonium at 1.7 Å lies below 1.785 Å.
    (folder / "short.cif").write_text(cif("short", 1.7, "P m -3 m", "Po1 Po 0 0 0\n"))
    (folder / "group.cif").write_text(cif("group", group="F q -3 m"))
    return folder


@pytest.fixture
def lines(tmp_path: Path, records: dict[str, StructureRecord]) -> Path:
    """The same as lines of JSON."""
    zinc = records["zinc"]
    rows = [structure_line(record) for record in records.values()]
    rows += ["{not json", json.dumps({"id": "bare"}), '{"id": "odd", "f": 1, "sg": "x"}', ""]
    rows += [
        structure_line(replace(zinc, identifier="element", atomic_numbers=np.array([120, 120]))),
        structure_line(replace(zinc, identifier="short", lattice=zinc.lattice / 3)),
        structure_line(replace(zinc, identifier="stacked", fractional=np.zeros((2, 3)))),
        structure_line(replace(zinc, identifier="uncertain", space_group_number_tight=63)),
        structure_line(
            replace(zinc, identifier="wrong", space_group_number=186, space_group_number_tight=186)
        ),
        structure_line(replace(zinc, identifier="zinc too")),
    ]
    path = tmp_path / "structures.jsonl"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def threads() -> Iterator[Executor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


def test_cifs_that_cannot_be_used_are_named_and_counted(
    cifs: Path, threads: Executor, tmp_path: Path
) -> None:
    result = tabulate_sources(open_source(cifs), tmp_path / "parts", threads, 1, chunk=2)
    assert list(result.store.identifier) == ["good"]
    names = {item.identifier.removesuffix(".cif"): item for item in result.left_out}
    assert set(names) == {"corrupt", "binary", "empty", "element", "short", "group"}
    assert result.counts().total() == 6
    assert "element" in (names["element"].rule + names["element"].detail)
    assert names["short"].rule == "no reflections in range"


def test_lines_that_cannot_be_used_are_named_and_counted(
    lines: Path, threads: Executor, tmp_path: Path, records: dict[str, StructureRecord]
) -> None:
    result = tabulate_sources(open_source(lines), tmp_path / "parts", threads, 1, chunk=4)
    assert list(result.store.identifier) == [*records, "zinc too"]
    rules = {item.identifier: item.rule for item in result.left_out}
    assert rules == {
        "structures.jsonl:6": "not a readable structure",
        "structures.jsonl:7": "not a readable structure",
        "structures.jsonl:8": "not a readable structure",
        "element": "unknown element",
        "short": "no reflections in range",
        "stacked": "spglib",
        "uncertain": "space group differs between tolerances 0.01 and 0.1 Å",
        "wrong": "space group is not the recorded one",
    }


def test_an_unexpected_fault_is_left_out_too(lines: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(record: StructureRecord, engine: str) -> None:
        raise ZeroDivisionError("of all things")

    monkeypatch.setattr("training.tabulation._chunk.tabulate", fails)
    (source,) = open_source(lines)
    chunk = tabulate_entries(list(source.entries())[:2])
    assert chunk.store is None
    assert [i.detail for i in chunk.left_out] == ["ZeroDivisionError: of all things"] * 2


def test_an_interrupted_run_goes_on(
    lines: Path, threads: Executor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = tmp_path / "parts"
    whole = tabulate_sources(open_source(lines), tmp_path / "other", threads, 1, chunk=3)
    done: list[int] = []

    def stops(entries: int, left_out: int) -> None:
        done.append(entries)
        if len(done) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tabulate_sources(open_source(lines), parts, threads, 1, chunk=3, progress=stops)
    (parts / "000001.npz").write_bytes(b"cut off")
    computed: list[int] = []
    real = tabulate_entries

    def counted(entries: list, engine: str) -> object:
        computed.append(len(entries))
        return real(entries, "builtin")

    monkeypatch.setattr(run, "tabulate_entries", counted)
    again = tabulate_sources(open_source(lines), parts, threads, 1, chunk=3)
    assert len(computed) < len(list(parts.glob("*.json")))
    assert again.left_out == whole.left_out
    for name in ReflectionStore.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(again.store, name), getattr(whole.store, name))


def test_changed_input_is_computed_anew(cifs: Path, threads: Executor, tmp_path: Path) -> None:
    parts = tmp_path / "parts"
    tabulate_sources(open_source(cifs), parts, threads, 1)
    (cifs / "short.cif").write_text(cif("short"))
    again = tabulate_sources(open_source(cifs), parts, threads, 1)
    assert list(again.store.identifier) == ["good", "short"]


def test_nothing_left_is_an_error(tmp_path: Path, threads: Executor) -> None:
    (tmp_path / "bad.jsonl").write_text("{}\n")
    with pytest.raises(AlphaDiffractError, match="none of 1 structures"):
        tabulate_sources(open_source(tmp_path / "bad.jsonl"), tmp_path / "p", threads, 1)


def test_results_come_in_order_and_few_at_once() -> None:
    under_way: list[int] = []
    most = 0

    def submit(item: int):
        nonlocal most
        under_way.append(item)
        most = max(most, len(under_way))
        return lambda: under_way.pop(0)

    assert list(ordered(submit, range(20), 4)) == list(range(20))
    assert most == 4


def test_dask_computes_the_same(lines: Path, tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed", reason="needs the `dask` extra")
    with ThreadPoolExecutor(1) as here:
        expected = tabulate_sources(open_source(lines), tmp_path / "a", here, 1, chunk=6)
    options = {"processes": False, "dashboard_address": None}
    with (
        distributed.LocalCluster(n_workers=1, threads_per_worker=1, **options) as cluster,
        distributed.Client(cluster) as client,
    ):
        result = tabulate_sources(
            open_source(lines), tmp_path / "b", client.get_executor(), 1, chunk=6
        )
    np.testing.assert_array_equal(result.store.strength, expected.store.strength)
    assert result.left_out == expected.left_out


def test_a_dask_scheduler_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed", reason="needs the `dask` extra")
    monkeypatch.setattr("training.tabulation._executors.CONNECT_SECONDS", 0.2)
    with (
        pytest.raises(ConfigurationError, match="no scheduler at 'tcp://nowhere"),
        open_executor(1, "tcp://nowhere.invalid:8786"),
    ):
        pass


def test_the_command_writes_tables_names_and_counts(cifs: Path, tmp_path: Path) -> None:
    output = tmp_path / "out" / "reflections.npz"
    command = ["reflections", str(cifs), "--output", str(output), "--processes", "1"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert len(ReflectionStore.load(output)) == 1
    rows = output.with_suffix(".left_out.csv").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 7
    record = json.loads(output.with_suffix(".json").read_text(encoding="utf-8"))
    assert (record["kept"], sum(record["left_out"].values())) == (1, 6)
    assert record["engine"] == "builtin"
    assert not output.with_suffix(".parts").exists()


def test_an_unknown_engine_is_refused(cifs: Path, tmp_path: Path) -> None:
    command = ["reflections", str(cifs), "--output", str(tmp_path / "r.npz")]
    done = CliRunner().invoke(app, [*command, "--engine", "gsas"])
    assert done.exit_code == 1
    assert "--engine gsas" in done.output
