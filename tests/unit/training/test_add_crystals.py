"""One's own crystals in the memory of the shipped network."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from typer.testing import CliRunner, Result

from alphadiffract_stream.engines import check_golden, embedded_model, golden_pattern, open_engine
from alphadiffract_stream.prediction import ModelCard, network_bytes
from tests.support import make_tiny_model
from training.commands import app
from training.deployment import GraphMemory, has_inverted_file, quantised_keys
from training.reflections import ReflectionStore, SymmetryTables, write_pack
from training.retrieval import Remembered, known

WIDTH = 64


@pytest.fixture(scope="module")
def memory() -> GraphMemory:
    return GraphMemory(onnx.load_from_string(network_bytes(embedded_model())))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, store: ReflectionStore) -> Path:
    path = tmp_path_factory.mktemp("own") / "pack.npz"
    write_pack(store, SymmetryTables.derived(np.zeros((230, 230), np.int8)), path)
    return path


def add(*arguments: object, code: int = 0) -> Result:
    line = ["add-crystals", *map(str, arguments)]
    result = CliRunner().invoke(app, line, catch_exceptions=code == 0)
    assert result.exit_code == code, result.output
    return result


def test_the_graph_says_what_it_remembers(memory: GraphMemory) -> None:
    content = memory.content
    assert content.keys.shape == (len(content), WIDTH)
    assert content.lattice.shape == (len(content), 6)
    assert len(content) > 100_000
    assert set(np.unique(content.group)) <= set(range(230))
    length = np.linalg.norm(content.keys[::1000].astype(float), axis=1)
    assert np.ptp(length) < 0.1 * length.mean(), "directions"


def test_a_key_is_a_direction(memory: GraphMemory) -> None:
    keys = memory.keys(np.repeat(golden_pattern(), 70, axis=0))
    assert keys.shape == (70, WIDTH)
    np.testing.assert_allclose(np.linalg.norm(keys, axis=1), 1, atol=1e-5)
    one, both = quantised_keys(keys[None]), quantised_keys(np.stack([keys, keys]))
    assert (one == both).all()
    assert np.abs(one).max() > 20


def test_a_memory_put_back_holds_the_same_crystals_in_cells(memory: GraphMemory) -> None:
    assert has_inverted_file(onnx.load_from_string(network_bytes(embedded_model()))), (
        "as `quantize` makes it"
    )
    assert memory.lines is not None
    model = memory.holding(memory.content, memory.lines)
    assert has_inverted_file(model)
    again = GraphMemory(model).content
    assert GraphMemory(model).lines is not None
    assert len(again) == len(memory.content)
    assert (_rows(again) == _rows(memory.content)).all()
    few = np.arange(500)
    fewer = memory.holding(memory.content.take(few), memory.lines.take(few))
    assert not has_inverted_file(fewer), "too few for it to pay"
    assert len(GraphMemory(fewer).content) == 500


def _rows(crystals: Remembered) -> np.ndarray:
    """Each crystal as bytes, sorted."""
    columns = (crystals.keys, crystals.group[:, None], crystals.lattice)
    return np.unique(np.concatenate([c.view(np.uint8) for c in columns], axis=1), axis=0)


def test_what_is_known_already_is_found() -> None:
    rng = np.random.default_rng(0)
    keys = rng.integers(-60, 61, (4, WIDTH)).astype(np.int8)
    cells = np.array([[4, 4, 4, 90, 90, 90]] * 4, np.float16)
    old = Remembered(keys, np.array([1, 2, 3, 4], np.uint8), cells)
    cells[2, 0] = 4.2
    groups = np.array([1, 9, 3, 4], np.uint8)
    alike = keys.copy()
    alike[3] = rng.integers(-60, 61, WIDTH)
    old = Remembered(old.keys, old.group, np.array([[4, 4, 4, 90, 90, 90]] * 4, np.float16))
    # The same; another group; another cell; another pattern.
    assert known(Remembered(alike, groups, cells), old).tolist() == [True, False, False, False]
    assert len(old + old) == 8


def test_a_crystal_of_ones_own_is_recognised(data: Path, tmp_path: Path) -> None:
    """Four of the five textbook crystals are in the Materials Project, the invented one is not."""
    output = add(data, "--output", tmp_path / "mine.onnx", "--name", "mine").output
    assert "known already: rock salt" in output
    assert "known already: triclinic" not in output
    card, shipped = ModelCard.read(tmp_path / "mine.onnx"), ModelCard.read(embedded_model())
    assert card.name == "mine"
    assert card.version.startswith(f"{shipped.version}+")
    assert "(own) remembered" in card.training_set
    assert card.metrics == shipped.metrics
    engine = open_engine(f"onnx:{tmp_path / 'mine.onnx'}")
    check_golden(engine.run(golden_pattern()), engine.card)
    told = " ".join(output.split()).partition("as measured: ")[2]
    before, after = (float(part.partition("%")[0]) for part in told.split(" before, "))
    assert after > before
    # Once more, onto itself: nothing is new.
    again = add(
        *(data, "--network", tmp_path / "mine.onnx", "--output", tmp_path / "more.onnx"), code=1
    )
    assert "knows all of them" in again.output
    assert not (tmp_path / "more.onnx").exists()
    assert json.loads((tmp_path / "mine.json").read_text())["sha256"] == card.sha256


def test_a_network_without_a_memory_is_refused(data: Path, tmp_path: Path) -> None:
    network = make_tiny_model(tmp_path)
    said = add(data, "--network", network, "--output", tmp_path / "x.onnx", code=2).output
    assert "--network" in said
    assert "--portable" in said
