"""An ONNX graph in mixed precision: the types stand in the graph, as TensorRT 11 wants them.

TensorRT ≥ 11 runs every network as it is typed, and 10 does when asked (strong typing), so what is
FP16 and what FP32 is decided here, once, and can be checked without a GPU.

* Convolutions and linear layers: FP16 (tensor cores add up in FP32 all the same).
* The last linear layer before each output, softmax or choice of the best (a key's scores reach a
  million), and everything after a softmax, an exponential or a logarithm: FP32, because Å, degrees
  and probabilities come out of them.
* Simple element-wise operations between FP16 tensors: FP16, so that they stay fused.
* All else (the scaling of the input, normalisation, statistics, softmax): FP32. A mean of squares
  overflows FP16, and measured counts do so before they are scaled.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, checker, helper, numpy_helper

LINEAR = frozenset({"Conv", "Gemm", "MatMul"})
ELEMENT_WISE = frozenset({"Relu", "Erf", "Gelu", "Sigmoid", "Add", "Mul", "Div"})
_ENDS = frozenset({"Softmax", "LogSoftmax", "Exp", "Log"})
_CHOICES = frozenset({"Softmax", "LogSoftmax", "TopK"})
_LARGEST = float(np.finfo(np.float16).max)


def half_precision(model: ModelProto) -> ModelProto:
    """`model` (FP32, initialisers inside) in mixed precision, with the same inputs and outputs.

    Raises ValueError for a weight that FP16 cannot hold.
    """
    result = ModelProto()
    result.CopyFrom(model)
    del result.graph.value_info[:]  # their types would no longer be right
    _Halved(result.graph).rewrite()
    checker.check_model(result, full_check=True)
    return result


class _Halved:
    def __init__(self, graph: GraphProto) -> None:
        self._graph = graph
        self._weights = {w.name: w for w in graph.initializer}
        self._constants = {n.output[0] for n in graph.node if n.op_type == "Constant"}
        self._half: dict[str, str] = {}
        """FP32 tensor → the FP16 tensor with the same values."""
        self._nodes: list[NodeProto] = []

    def rewrite(self) -> None:
        full = self._must_stay_full()
        for place, node in enumerate(self._graph.node):
            if place not in full and self._gains(node):
                self._halve(node)
            else:
                self._nodes.append(node)
        del self._graph.node[:]
        self._graph.node.extend(self._needed())
        used = {name for node in self._graph.node for name in node.input}
        kept = [w for w in self._graph.initializer if w.name in used]
        del self._graph.initializer[:]
        self._graph.initializer.extend(kept)

    def _must_stay_full(self) -> set[int]:
        """Places of nodes after an end, and of linear layers last before an output or a choice."""
        after_end: set[str] = set()
        full: set[int] = set()
        for place, node in enumerate(self._graph.node):
            if node.op_type in _ENDS or any(name in after_end for name in node.input):
                full.add(place)
                after_end.update(node.output)
        feeds_linear: dict[str, bool] = defaultdict(bool)
        feeds_choice: dict[str, bool] = defaultdict(bool)
        for place in range(len(self._graph.node) - 1, -1, -1):
            node = self._graph.node[place]
            linear = node.op_type in LINEAR and place not in full
            chosen_by = any(feeds_choice[name] for name in node.output)
            if linear and (chosen_by or not any(feeds_linear[name] for name in node.output)):
                full.add(place)
            followed = linear or any(feeds_linear[name] for name in node.output)
            chosen = node.op_type in _CHOICES or (chosen_by and not linear)
            for name in node.input:
                feeds_linear[name] = feeds_linear[name] or followed
                feeds_choice[name] = feeds_choice[name] or chosen
        return full

    def _gains(self, node: NodeProto) -> bool:
        if node.op_type in LINEAR:
            return True
        if node.op_type not in ELEMENT_WISE:
            return False
        varying = [n for n in node.input if n not in self._weights and n not in self._constants]
        fixed = [n for n in node.input if n in self._weights]
        return (
            bool(varying)
            and all(name in self._half for name in varying)
            and len(varying) + len(fixed) == len(node.input)
            and all(self._weights[name].data_type == TensorProto.FLOAT for name in fixed)
        )

    def _halve(self, node: NodeProto) -> None:
        halved = NodeProto()
        halved.CopyFrom(node)
        halved.input[:] = [self._as_half(name) if name else "" for name in node.input]
        output = node.output[0]
        halved.output[:] = [f"{output}_half"]
        self._half[output] = f"{output}_half"
        self._nodes.append(halved)
        self._nodes.append(_cast(f"{output}_half", output, TensorProto.FLOAT))

    def _as_half(self, name: str) -> str:
        if name not in self._half:
            self._half[name] = f"{name}_half"
            if name in self._weights:
                self._graph.initializer.append(_half_weight(self._weights[name]))
            else:
                self._nodes.append(_cast(name, f"{name}_half", TensorProto.FLOAT16))
        return self._half[name]

    def _needed(self) -> list[NodeProto]:
        """Without the casts back to FP32 that nobody reads."""
        read = {name for node in self._nodes for name in node.input}
        read |= {output.name for output in self._graph.output}
        return [n for n in self._nodes if n.op_type != "Cast" or n.output[0] in read]


def _cast(source: str, target: str, data_type: int) -> NodeProto:
    return helper.make_node("Cast", [source], [target], name=f"cast_to_{target}", to=data_type)


def _half_weight(weight: TensorProto) -> TensorProto:
    values = numpy_helper.to_array(weight)
    if np.abs(values).max(initial=0) > _LARGEST:
        raise ValueError(f"{weight.name}: FP16 cannot hold {np.abs(values).max():.3g}")
    return numpy_helper.from_array(values.astype(np.float16), f"{weight.name}_half")
