from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

from alphadiffract_stream.errors import ConfigurationError
from alphadiffract_stream.grid import GRID_TWO_THETA, GRID_WAVELENGTH, to_grid
from alphadiffract_stream.simulation import Profile, reflections, simulate
from tests.gsas2 import FakeScriptable
from training.commands import app
from training.evaluation import load_labelled
from training.gsas2 import Calculator
from training.patterns import PAPER
from training.reflections import ReflectionStore
from training.static_set import (
    PARAMETERS,
    StaticSet,
    StaticSetSettings,
    draw_parameters,
    draw_shard,
    jobs_of_store,
    jobs_of_structures,
    paper_noise,
    read_labelled,
    write_static_set,
)
from training.structures import D_MAX, D_MIN, StructureRecord, standardize, structure_line
from training.tabulation import LeftOut

FEW = StaticSetSettings(patterns=3, structures_a_shard=2)


@pytest.fixture
def thread() -> Iterator[Executor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


def test_noise_is_equations_1_to_3() -> None:
    """Step by step with the same random numbers, as the paper writes them."""
    clean = np.array([[0.0, 2.0, 8.0, 1.0], [5.0, 5.0, 0.5, 50.0]])
    lambda_max, sigma = np.array([40.0, 5.0]), np.array([0.02, 0.1])
    noisy = paper_noise(clean, lambda_max, sigma, np.random.default_rng(3))
    rng = np.random.default_rng(3)
    counts = rng.poisson([[40 * v / 8 for v in clean[0]], [5 * v / 50 for v in clean[1]]])
    normal = rng.normal(0.0, [[0.02], [0.1]], (2, 4))
    for row, (top, most) in enumerate(((8.0, 40.0), (50.0, 5.0))):
        pois = top / most * counts[row]
        gauss = (pois - pois.min()) / (pois.max() - pois.min()) + normal[row]
        again = (gauss - gauss.min()) / (gauss.max() - gauss.min())
        expected = again * (pois.max() - pois.min()) + pois.min()
        np.testing.assert_allclose(noisy[row], expected)
        assert noisy[row].min() == pytest.approx(pois.min())
        assert noisy[row].max() == pytest.approx(pois.max())


def test_parameters_fill_table_5() -> None:
    drawn, _ = draw_parameters("a", 0, 4000)
    low = [0.1, 500, 0, -1, 0, 1, 1e-3]
    high = [1, 10_000, 3, 0, 4, 100, 1e-1]
    span = np.subtract(high, low)
    assert (drawn >= low).all()
    assert (drawn <= high).all()
    np.testing.assert_allclose(drawn.mean(axis=0), np.add(low, high) / 2, atol=0.02 * span.max())
    np.testing.assert_allclose((drawn.std(axis=0) / span), 1 / np.sqrt(12), rtol=0.05)
    assert (PAPER.microstrain_min, PAPER.microstrain_max) == (500, 10_000)


def test_parameters_belong_to_the_structure_not_to_its_place() -> None:
    first, noise = draw_parameters("halite", 7, 3)
    np.testing.assert_array_equal(draw_parameters("halite", 7, 3)[0], first)
    assert draw_parameters("halite", 7, 3)[1] == noise
    assert (draw_parameters("zinc", 7, 3)[0] != first).all()
    assert (draw_parameters("halite", 8, 3)[0] != first).all()


@pytest.mark.parametrize(("exact", "error"), [(True, 2e-4), (False, 1e-3)])
def test_clean_patterns_are_the_simulations(
    store: ReflectionStore, records: dict[str, StructureRecord], exact: bool, error: float
) -> None:
    settings = replace(FEW, noise=False, exact=exact)
    jobs = list(jobs_of_store(store, settings))
    for drawn in map(draw_shard, jobs):
        assert np.isnan(drawn.parameters[:, 5:]).all()
        rows = zip(drawn.structure, drawn.pattern, drawn.parameters, strict=True)
        for structure, pattern, (size, microstrain, u, v, w, *_) in rows:
            name = str(store.identifier[structure])
            table = reflections(standardize(records[name]).contents, D_MIN, D_MAX)
            profile = Profile(size=size, microstrain=microstrain, U=u, V=v, W=w)
            expected = simulate(table, GRID_TWO_THETA, GRID_WAVELENGTH, profile)
            low, high = expected.min(), expected.max()
            expected = 100 * (expected - low) / (high - low)
            assert np.abs(pattern - expected).max() < 100 * error, name


@pytest.mark.parametrize("kind", ["hdf5", "zarr"])
def test_a_set_is_written_and_read(
    store: ReflectionStore, thread: Executor, tmp_path: Path, kind: str
) -> None:
    if kind == "zarr":
        pytest.importorskip("zarr", reason="needs the `zarr` extra")
    settings = replace(FEW, format=kind)
    jobs = list(jobs_of_store(store, settings))
    folder = tmp_path / "set"
    write_static_set(jobs, folder, settings, {"source": "textbook"}, thread, 1)
    static = StaticSet.open(folder)
    assert len(static) == 3 * len(store)
    assert static.provenance == {"source": "textbook"}
    names = [name for part in static.parts() for name in part.identifier]
    assert names == list(store.identifier)
    for part in static.parts():
        assert part.pattern.dtype == np.float32
        np.testing.assert_allclose(part.pattern.max(axis=1), 100, rtol=1e-6)
        np.testing.assert_array_equal(part.pattern.min(axis=1), 0)
        assert part.parameters.shape == (len(part.pattern), len(PARAMETERS))
    labelled = load_labelled(folder)
    salt = labelled.identifier.index("rock salt#1")
    assert labelled.space_group[salt] == 225
    np.testing.assert_allclose(labelled.niggli[salt], [3.988] * 3 + [60] * 3, atol=1e-3)
    assert (np.bincount(labelled.structure) == 3).all()
    expected = np.concatenate([p.pattern for p in static.parts()])
    np.testing.assert_array_equal(labelled.patterns[salt].intensity, expected[salt])
    assert len(labelled.patterns[1:4]) == 3
    assert to_grid(labelled.patterns[salt]).coverage == 1
    assert len(read_labelled(folder, every=2)) == (3 * len(store) + 1) // 2


def test_hdf5_is_chunked_by_structure_and_joined(
    store: ReflectionStore, thread: Executor, tmp_path: Path
) -> None:
    write_static_set(list(jobs_of_store(store, FEW)), tmp_path, FEW, {}, thread, 1)
    with h5py.File(tmp_path / "shard-00000.h5") as shard:
        assert shard["pattern"].chunks == (3, 8192)
        first = shard["pattern"][:]
    with h5py.File(tmp_path / "all.h5") as joined:
        assert joined["pattern"].shape == (3 * len(store), 8192)
        np.testing.assert_array_equal(joined["pattern"][:6], first)
        assert joined["structure"][-1] == len(store) - 1


def test_an_interrupted_set_goes_on_and_is_the_same(
    store: ReflectionStore, thread: Executor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    write_static_set(list(jobs_of_store(store, FEW)), whole, FEW, {}, thread, 1)

    def stop(shard: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_static_set(jobs_of_store(store, FEW), cut, FEW, {}, thread, 1, progress=stop)
    with pytest.raises(ValueError, match="not finished"):
        StaticSet.open(cut)
    thread.submit(int).result()  # what was under way has ended
    (cut / "shard-00002.h5.part").write_bytes(b"cut off")
    times = {p.name: p.stat().st_mtime_ns for p in cut.glob("*.h5")}
    assert times
    write_static_set(jobs_of_store(store, FEW), cut, FEW, {}, thread, 1)
    assert all((cut / name).stat().st_mtime_ns == time for name, time in times.items())
    for one, other in zip(StaticSet.open(whole).parts(), StaticSet.open(cut).parts(), strict=True):
        np.testing.assert_array_equal(one.pattern, other.pattern)


def test_other_settings_are_not_mixed_in(
    store: ReflectionStore, thread: Executor, tmp_path: Path
) -> None:
    write_static_set(list(jobs_of_store(store, FEW)), tmp_path, FEW, {}, thread, 1)
    other = replace(FEW, seed=1)
    with pytest.raises(ConfigurationError, match="seed = 0, not 1"):
        write_static_set(list(jobs_of_store(store, other)), tmp_path, other, {}, thread, 1)


def test_gsas2_draws_with_the_same_parameters(
    records: dict[str, StructureRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Calculator(FakeScriptable())
    monkeypatch.setattr("training.gsas2.calculator", lambda: made)
    settings = replace(FEW, engine="gsas2", noise=False)
    unread = LeftOut("line 7", "not a readable structure", "no field 'Z'")
    wrong = replace(records["zinc"], identifier="wrong", space_group_number=186)
    structures = [records["zinc"], unread, wrong]
    drawn = draw_shard(
        next(jobs_of_structures(structures, replace(settings, structures_a_shard=9)))
    )
    assert drawn.identifier == ("zinc",)
    assert [name for name, _ in drawn.left_out] == ["line 7", "wrong"]
    np.testing.assert_allclose(drawn.lattice[0], [2.665, 2.665, 4.947, 90, 90, 120], rtol=1e-6)
    expected, _ = draw_parameters("zinc", 0, 3)
    np.testing.assert_array_equal(drawn.parameters[:, :5], expected[:, :5])


def test_the_command(store: ReflectionStore, tmp_path: Path) -> None:
    store.save(tmp_path / "r.npz")
    command = ["simulate", str(tmp_path / "r.npz"), "--output", str(tmp_path / "set")]
    command += ["--patterns", "2", "--processes", "1", "--limit", "2"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    record = json.loads((tmp_path / "set" / "set.json").read_text(encoding="utf-8"))
    assert record["settings"]["patterns"] == 2
    assert record["provenance"]["source"] == "r.npz"
    assert len(StaticSet.open(tmp_path / "set")) == 4
    for extra, message in (
        (["--engine", "gsas2"], "computes from atoms"),
        (["--engine", "other"], "--engine other"),
        (["--seed", "5"], "seed = 0"),
    ):
        refused = CliRunner().invoke(app, [*command, *extra])
        assert refused.exit_code == 1
        assert message in refused.output


def test_structures_are_drawn_too(records: dict[str, StructureRecord], tmp_path: Path) -> None:
    lines = "\n".join(structure_line(record) for record in list(records.values())[:1])
    (tmp_path / "s.jsonl").write_text(lines + "\n{}\n", encoding="utf-8")
    command = ["simulate", str(tmp_path / "s.jsonl"), "--output", str(tmp_path / "set")]
    done = CliRunner().invoke(app, [*command, "--patterns", "1", "--processes", "1"])
    assert done.exit_code == 0, done.output
    assert [s.left_out[0][0] for s in StaticSet.open(tmp_path / "set").shards] == ["s.jsonl:2"]
