"""Networks with eight-bit parts, in floats: what TensorRT is given."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from alphadiffract_stream.engines import check_golden, golden_pattern, open_engine
from alphadiffract_stream.prediction import ModelCard
from tests.support import make_tiny_model
from training.patterns import KEY, open_drawer
from training.serving import INTEGER, half_precision, in_floats
from training.serving._plan_source import plan_card, plan_source

SHIPPED = Path(str(files("alphadiffract_stream") / "models" / "default.onnx"))
RNG = np.random.default_rng(3)


def answer(model: onnx.ModelProto, **values: np.ndarray) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return [np.asarray(value) for value in session.run(None, values)]


def graph(nodes, weights, width: int, out: int = TensorProto.FLOAT) -> onnx.ModelProto:
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", width])
    made = helper.make_tensor_value_info("y", out, ["n", None])
    initializers = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    body = helper.make_graph(nodes, "g", [given], [made], initializers)
    return helper.make_model(body, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def test_a_network_in_floats_stays_itself(tmp_path):
    path = make_tiny_model(tmp_path)
    model = onnx.load(path)
    assert in_floats(model) is model
    assert plan_source(path, tmp_path / "elsewhere") == path
    assert plan_card(path) == ModelCard.read(path)


def test_a_lookup_among_keys_is_a_product_of_floats():
    keys = RNG.integers(-127, 128, (16, 40)).astype(np.int8)
    step = np.float32(0.5 / 63)
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "step", "middle"], ["q"]),
        helper.make_node("MatMulInteger", ["q", "keys", "middle"], ["scores"]),
        helper.make_node("Cast", ["scores"], ["y"], to=TensorProto.FLOAT),
    ]
    model = graph(nodes, {"keys": keys, "step": step, "middle": np.uint8(64)}, 16)
    floats = in_floats(model)
    assert not INTEGER & {node.op_type for node in floats.graph.node}
    x = RNG.uniform(-0.4, 0.4, (5, 16)).astype(np.float32)
    (before,), (after,) = answer(model, x=x), answer(floats, x=x)
    assert np.abs(before - after).max() <= 0.5 * np.abs(keys.astype(float)).sum(axis=0).max()
    np.testing.assert_allclose(after, x / step @ keys.astype(np.float32), rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize(("zero", "lowest"), [(0, 0.0), (100, -2.0)])
def test_only_what_was_lost_below_zero_stays_lost(zero: int, lowest: float):
    scale = np.float32(0.02)
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["y"]),
    ]
    model = graph(nodes, {"scale": scale, "zero": np.uint8(zero)}, 3)
    x = np.array([[-2.0, 0.013, 9.0]], np.float32)
    (after,) = answer(in_floats(model), x=x)
    np.testing.assert_allclose(after, [[lowest, 0.013, 9.0]], rtol=1e-6)


def test_weights_are_those_of_each_channel():
    weights = np.array([[1, -2], [3, 4], [5, -64]], np.int8)
    scales = np.array([0.5, 0.25], np.float32)
    nodes = [
        helper.make_node("DequantizeLinear", ["w", "s", "z"], ["wf"], axis=1),
        helper.make_node("MatMul", ["x", "wf"], ["y"]),
    ]
    model = graph(nodes, {"w": weights, "s": scales, "z": np.zeros(2, np.int8)}, 3)
    x = np.eye(3, dtype=np.float32)
    assert answer(in_floats(model), x=x)[0].tolist() == (weights * scales).tolist()


def test_other_integers_are_refused():
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]),
        helper.make_node("MatMulInteger", ["q", "q", "z", "z"], ["i"], name="square"),
        helper.make_node("Cast", ["i"], ["y"], to=TensorProto.FLOAT),
    ]
    model = graph(nodes, {"s": np.float32(1), "z": np.uint8(0)}, 3)
    with pytest.raises(ValueError, match="square: a product of integers that is no lookup"):
        in_floats(model)


def test_the_shipped_network_can_be_given_to_tensorrt(tmp_path, store, symmetry):
    """Its plan is built from a graph of floats that gives its answers."""
    source = plan_source(SHIPPED, tmp_path)
    model = onnx.load(source)
    assert not INTEGER & {node.op_type for node in model.graph.node}
    halved = half_precision(model)
    assert not INTEGER & {node.op_type for node in halved.graph.node}
    floats, shipped = open_engine(f"onnx:{source}"), open_engine(f"onnx:{SHIPPED}")
    drawer = open_drawer("device", store, symmetry, KEY, torch.device("cpu"))
    drawn = drawer.draw(np.arange(len(store)), 5).pattern.numpy()
    patterns = np.concatenate([golden_pattern(), drawn])
    one, other = floats.run(patterns), shipped.run(patterns)
    assert np.abs(one.crystal_system - other.crystal_system).max() < 0.1
    check_golden(floats.run(golden_pattern()), floats.card)
    card = plan_card(SHIPPED)
    assert card.sha256 == ModelCard.read(SHIPPED).sha256, "the plan's sidecar names the file"
    assert card.golden == floats.card.golden
