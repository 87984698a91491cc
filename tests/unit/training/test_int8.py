from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from typer.testing import CliRunner, Result

from alphadiffract_stream.engines import check_golden, golden_pattern, open_engine
from alphadiffract_stream.prediction import ModelCard
from training.commands import app
from training.deployment import (
    Calibration,
    DeployedEnsemble,
    export_onnx,
    in_eight_bits,
    rounded_to_half,
    write_card,
)
from training.networks import build
from training.reflections import ReflectionStore, SymmetryTables, write_pack

SMALL = {"points": 1024, "channels": (8, 16), "kernels": (3, 3), "depths": (1, 1), "features": 32}


# Raised inside torch.export itself.
pytestmark = pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning")


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    member = rounded_to_half(build({"kind": "compact", **SMALL}).eval())
    calibration = Calibration(
        1.2, 0.8, 0.4, (0.1,) * 6, np.zeros(32, np.float32), np.ones(32, np.float32), 3.0
    )
    path = tmp_path_factory.mktemp("network") / "net.onnx"
    graph = DeployedEnsemble([member], calibration)
    export_onnx(graph, path, torch.rand(4, 8192))
    about = {"training_set": "none", "metrics": {"held_out": 1}, "config": {}}
    write_card(path, graph, calibration, name="small", version="0", **about)
    return path


@pytest.fixture(scope="module")
def folder(network: Path, tmp_path_factory: pytest.TempPathFactory, store: ReflectionStore) -> Path:
    folder = tmp_path_factory.mktemp("data")
    symmetry = SymmetryTables.derived(np.zeros((230, 230), np.int8))
    fields = {name: getattr(store, name) for name in ReflectionStore.__dataclass_fields__}
    other = ReflectionStore(**{**fields, "family": np.zeros_like(store.family)})
    write_pack(ReflectionStore.concatenate([store, other]), symmetry, folder / "pack.npz")
    return folder


def quantize(network: Path, folder: Path, *arguments: object, code: int = 0) -> Result:
    options = ("--output", folder / "int8.onnx", "--data", folder / "pack.npz")
    line = ["quantize", network, *options, "--examples", 16, "--patterns", 8, *arguments]
    result = CliRunner().invoke(app, [str(a) for a in line], catch_exceptions=code == 0)
    assert result.exit_code == code, result.output
    return result


def spikes(count: int) -> np.ndarray:
    """Patterns of a few lines each, as unlike one another as can be."""
    rng = np.random.default_rng(1)
    patterns = np.full((count, 8192), 1e-3, np.float32)
    for row in patterns:
        row[rng.integers(8192, size=20)] = rng.random(20)
    return patterns / patterns.max(axis=1, keepdims=True)


def answers(path: Path, patterns: np.ndarray) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    values = session.run(["crystal_system", "embedding"], {"pattern": patterns})
    return [np.asarray(value) for value in values]


def test_convolutions_and_what_lies_between_are_in_eight_bits(
    network: Path, tmp_path: Path
) -> None:
    names = in_eight_bits(network, tmp_path / "int8.onnx", spikes(64))
    model = onnx.load(tmp_path / "int8.onnx")
    kinds = [node.op_type for node in model.graph.node if node.name in names]
    assert kinds.count("Conv") == 1 + 2 + 1 + 2
    assert kinds.count("Add") == 2
    assert kinds.count("Gemm") == 1, "the neck, and no head"
    weights = [
        numpy_helper.to_array(t)
        for t in model.graph.initializer
        if t.dims and t.data_type == TensorProto.INT8
    ]
    large = [w for w in weights if w.ndim > 1]
    assert len(large) == kinds.count("Conv") + kinds.count("Gemm")
    assert max(np.abs(w.astype(int)).max() for w in large) <= 64, "seven bits"


def test_answers_hardly_change(network: Path, tmp_path: Path) -> None:
    in_eight_bits(network, tmp_path / "int8.onnx", spikes(64))
    new = spikes(96)[64:]
    first, second = (answers(path, new) for path in (network, tmp_path / "int8.onnx"))
    assert np.abs(first[0] - second[0]).max() < 0.05
    assert np.corrcoef(first[1].ravel(), second[1].ravel())[0, 1] > 0.99
    assert np.abs(first[1] - second[1]).max() > 0, "eight bits are not float32"


def test_numbers_that_are_the_same_but_for_rounding_do_not_matter(tmp_path: Path) -> None:
    """Crystal systems that follow from the space groups alone are multiplied with ones."""
    member = rounded_to_half(build({"kind": "compact", **SMALL}).eval())
    calibration = Calibration(group_share=1.0, domain_mean=np.zeros(32, np.float32))
    export_onnx(DeployedEnsemble([member], calibration), tmp_path / "net.onnx", torch.rand(4, 8192))
    assert in_eight_bits(tmp_path / "net.onnx", tmp_path / "int8.onnx", spikes(64))


def test_a_network_without_convolutions_is_refused(tmp_path: Path) -> None:
    value = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 4]) for n in ("pattern", "y")]
    graph = helper.make_graph(
        [helper.make_node("Relu", ["pattern"], ["y"])], "g", value[:1], value[1:]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(model, tmp_path / "relu.onnx")
    with pytest.raises(ValueError, match=r"relu\.onnx: no convolutions"):
        in_eight_bits(tmp_path / "relu.onnx", tmp_path / "out.onnx", spikes(4))


def test_the_command_writes_a_network_with_its_own_card(network: Path, folder: Path) -> None:
    output = quantize(network, folder, "--most-lost", 100).output
    assert "6 patterns" in output, "as many as there are"
    card, before = ModelCard.read(folder / "int8.onnx"), ModelCard.read(network)
    assert card.sha256 != before.sha256
    assert card.name == before.name
    assert card.metrics["held_out"] == 1, "what was known of the network stays"
    costs = card.metrics["eight_bits"]
    assert {"held-out-measured", "known"} <= costs.keys()
    assert costs["known"]["patterns"] == 4, "as many as are not held out"
    engine = open_engine(f"onnx:{folder / 'int8.onnx'}")
    check_golden(engine.run(golden_pattern()), engine.card)
    assert card.golden is not None
    golden = engine.run(golden_pattern()).crystal_system[0]
    np.testing.assert_allclose(golden, card.golden, atol=1e-5)


def test_a_network_that_loses_too_much_is_not_kept(network: Path, folder: Path) -> None:
    assert "not kept" in quantize(network, folder, "--most-lost", -101, code=1).output
    assert not (folder / "int8.onnx").exists()
    assert not (folder / "int8.json").exists()
