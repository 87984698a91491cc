"""Real things made small, for tests."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from alphadiffract_stream.prediction import SIGNATURE, ModelCard

POINTS = 8192
EMBEDDING = 16
_BLOCK = 128
TINY_LATTICE = (4.0, 5.0, 6.0, 90.0, 90.0, 90.0)


def make_tiny_model(
    folder: Path,
    *,
    name: str = "tiny",
    widths: dict[str, int] | None = None,
    leave_out: str = "",
    card: dict | None = None,
) -> Path:
    """A real ONNX network of the right signature, random but the same every time.

    Scales each pattern to 0…100, averages it to 64 blocks and takes three linear heads from a
    tanh embedding of 16, so that every output depends on the pattern. `widths` overrides output
    widths and `leave_out` drops an output, to make a model that must be refused; `card` overrides
    fields of the model card.
    """
    widths = {**SIGNATURE, "embedding": EMBEDDING, **(widths or {})}
    rng = np.random.default_rng(7)
    constants: dict[str, np.ndarray] = {
        "axis": np.array([1], np.int64),
        "hundred": np.array(100, np.float32),
        "smallest": np.array(1e-12, np.float32),
        "blocks": np.array([-1, POINTS // _BLOCK, _BLOCK], np.int64),
        "last": np.array([2], np.int64),
        "w_embedding": _weights(rng, POINTS // _BLOCK, widths["embedding"], 0.3),
        "w_system": _weights(rng, widths["embedding"], widths["crystal_system"], 2.0),
        "w_group": _weights(rng, widths["embedding"], widths["space_group"], 2.0),
        "w_lattice": _weights(rng, widths["embedding"], widths["lattice"], 0.2),
        "b_lattice": np.array(TINY_LATTICE, np.float32)[: widths["lattice"]],
        "hundredth": np.array(0.01, np.float32),
    }
    node = helper.make_node
    nodes = [
        node("ReduceMin", ["pattern", "axis"], ["low"], keepdims=1),
        node("ReduceMax", ["pattern", "axis"], ["high"], keepdims=1),
        node("Sub", ["pattern", "low"], ["raised"]),
        node("Sub", ["high", "low"], ["range0"]),
        node("Max", ["range0", "smallest"], ["range"]),
        node("Div", ["raised", "range"], ["unit"]),
        node("Mul", ["unit", "hundred"], ["scaled"]),
        node("Reshape", ["scaled", "blocks"], ["blocked"]),
        node("ReduceMean", ["blocked", "last"], ["pooled"], keepdims=0),
        node("MatMul", ["pooled", "w_embedding"], ["mixed"]),
        node("Tanh", ["mixed"], ["embedding"]),
        node("MatMul", ["embedding", "w_system"], ["system_logits"]),
        node("Softmax", ["system_logits"], ["crystal_system"], axis=1),
        node("Mul", ["crystal_system", "hundredth"], ["crystal_system_std"]),
        node("MatMul", ["embedding", "w_group"], ["group_logits"]),
        node("Softmax", ["group_logits"], ["space_group"], axis=1),
        node("Mul", ["space_group", "hundredth"], ["space_group_std"]),
        node("MatMul", ["embedding", "w_lattice"], ["shift"]),
        node("Add", ["shift", "b_lattice"], ["lattice"]),
        node("Mul", ["lattice", "hundredth"], ["lattice_std"]),
    ]
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info("pattern", TensorProto.FLOAT, ["N", POINTS])],
        [
            helper.make_tensor_value_info(output, TensorProto.FLOAT, ["N", widths[output]])
            for output in SIGNATURE
            if output != leave_out
        ],
        [numpy_helper.from_array(value, key) for key, value in constants.items()],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9, producer_name="tests"
    )
    onnx.checker.check_model(model)
    path = folder / f"{name}.onnx"
    path.write_bytes(model.SerializeToString(deterministic=True))
    fields = {
        "name": name,
        "version": "0",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "training_set": "none: random weights",
        "members": 1,
        "parameters": sum(v.size for k, v in constants.items() if k.startswith("w_")),
        "embedding_width": widths["embedding"],
        "low_confidence_below": 0.3,
        **(card or {}),
    }
    path.with_suffix(".json").write_text(ModelCard(**fields).model_dump_json(indent=1))
    return path


def _weights(rng: np.random.Generator, rows: int, columns: int, scale: float) -> np.ndarray:
    return (rng.standard_normal((rows, columns)) * scale).astype(np.float32)
