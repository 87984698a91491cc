"""A memory that is read in part: nothing is lost, and hardly anything missed."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from training.deployment import has_inverted_file, with_inverted_file, without_inverted_file
from training.deployment._cells import cells_of
from training.serving import INTEGER, in_floats

WIDTH, KINDS, OF_EACH, BEST = 16, 40, 25, 8
COUNT = KINDS * OF_EACH
STEP = np.float32(0.5 / 127)


@pytest.fixture(scope="module")
def keys() -> NDArray[np.int8]:
    """(1000, 16): forty kinds of crystals, mixed."""
    rng = np.random.default_rng(4)
    centres = np.repeat(rng.normal(size=(KINDS, WIDTH)), OF_EACH, axis=0)
    directions = centres + 0.25 * rng.normal(size=centres.shape)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return (rng.permutation(directions) / STEP).round().clip(-127, 127).astype(np.int8)


@pytest.fixture(scope="module")
def queries(keys: NDArray[np.int8]) -> NDArray[np.float32]:
    """(60, 16) near some of the keys."""
    rng = np.random.default_rng(5)
    near = keys[rng.integers(COUNT, size=60)] * STEP + 0.05 * rng.normal(size=(60, WIDTH))
    return (near / np.linalg.norm(near, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def model(keys: NDArray[np.int8]) -> onnx.ModelProto:
    """A lookup as `export` writes it, and what it finds."""
    weights = {
        "step": STEP,
        "middle": np.uint8(128),
        "keys": np.ascontiguousarray(keys.T),
        "best": np.array([BEST]),
        "group": (np.arange(COUNT) % 230).astype(np.uint8),
        "lattice": np.arange(6 * COUNT, dtype=np.float32).reshape(COUNT, 6),
    }
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "step", "middle"], ["q"], name="query"),
        helper.make_node("MatMulInteger", ["q", "keys", "middle"], ["scores"], name="product"),
        helper.make_node("TopK", ["scores", "best"], ["value", "index"], name="best"),
        helper.make_node("Gather", ["group", "index"], ["groups"], name="groups"),
        helper.make_node("Gather", ["lattice", "index"], ["cells"], name="cells"),
        helper.make_node("Cast", ["value"], ["values"], to=TensorProto.FLOAT, name="values"),
    ]
    made = {
        "values": (TensorProto.FLOAT, ["n", BEST]),
        "groups": (TensorProto.UINT8, ["n", BEST]),
        "cells": (TensorProto.FLOAT, ["n", BEST, 6]),
    }
    graph = helper.make_graph(
        nodes,
        "lookup",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", WIDTH])],
        [helper.make_tensor_value_info(name, *kind) for name, kind in made.items()],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def found(model: onnx.ModelProto, x: NDArray[np.float32]) -> tuple[NDArray, NDArray]:
    """Scores of the best, and which crystals they are (by their cells, which all differ)."""
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    values, groups, cells = (np.asarray(value) for value in session.run(None, {"x": x}))
    crystals = cells[:, :, 0] / 6
    assert (groups == crystals % 230).all(), "a crystal keeps its space group"
    return values, crystals


def test_each_key_lies_in_one_cell(keys: NDArray[np.int8]) -> None:
    centroids, slots = cells_of(keys, 20)
    taken = slots[slots >= 0]
    assert sorted(taken.tolist()) == list(range(COUNT))
    assert len(centroids) == len(slots) == 52, "three hundredths of room"
    np.testing.assert_allclose(np.linalg.norm(centroids, axis=1), 1, atol=1e-5)


def test_cells_are_the_same_each_time(keys: NDArray[np.int8]) -> None:
    one, other = cells_of(keys, 20), cells_of(keys, 20)
    assert all((a == b).all() for a, b in zip(one, other, strict=True))


def test_where_all_cells_are_read_the_same_is_found(
    model: onnx.ModelProto, queries: NDArray[np.float32]
) -> None:
    values, crystals = found(model, queries)
    in_cells = with_inverted_file(model, size=20, probes=52, worth_it=1)
    assert has_inverted_file(in_cells)
    assert not has_inverted_file(model)
    again, same = found(in_cells, queries)
    assert (again == values).all()
    assert np.mean(same == crystals) > 0.98, "but for equal scores"


def test_where_few_are_read_hardly_anything_is_missed(
    model: onnx.ModelProto, queries: NDArray[np.float32]
) -> None:
    _, crystals = found(model, queries)
    _, other = found(with_inverted_file(model, size=20, probes=10), queries)
    assert np.mean(crystals[:, 0] == other[:, 0]) > 0.95
    kept = np.mean([np.isin(a, b).mean() for a, b in zip(crystals, other, strict=True)])
    assert kept > 0.9
    _, fewer = found(with_inverted_file(model, size=20, probes=1), queries)
    assert np.mean([np.isin(a, b).mean() for a, b in zip(crystals, fewer, strict=True)]) < kept


def test_it_can_be_undone(model: onnx.ModelProto, queries: NDArray[np.float32]) -> None:
    in_cells = with_inverted_file(model, size=20, probes=10)
    again = without_inverted_file(in_cells)
    assert not has_inverted_file(again)
    assert {t.name for t in again.graph.initializer} == {t.name for t in model.graph.initializer}
    values, crystals = found(model, queries)
    same_values, same = found(again, queries)
    assert (values == same_values).all()
    assert np.mean(same == crystals) > 0.98
    assert without_inverted_file(model) is model


def test_tensorrt_reads_it_as_a_whole(model: onnx.ModelProto, queries: NDArray[np.float32]) -> None:
    floats = in_floats(with_inverted_file(model, size=20, probes=10))
    assert not INTEGER & {node.op_type for node in floats.graph.node}
    _, crystals = found(in_floats(model), queries)
    _, same = found(floats, queries)
    assert np.mean(same == crystals) > 0.98


def test_a_small_memory_is_read_as_a_whole(model: onnx.ModelProto) -> None:
    assert with_inverted_file(model) is model


def test_a_graph_without_a_memory_is_refused(model: onnx.ModelProto) -> None:
    bare = onnx.ModelProto()
    bare.CopyFrom(model)
    del bare.graph.node[1]
    with pytest.raises(ValueError, match="0 memories in the graph"):
        with_inverted_file(bare)
