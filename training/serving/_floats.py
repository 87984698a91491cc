"""A graph with eight-bit parts, in floats throughout: for TensorRT, which has not all of them.

What `training quantize` writes and the lookup of a memory are for processors. TensorRT has no
``MatMulInteger`` and wants other scales in eight bits; on a GPU half precision is fast enough.
"""

from __future__ import annotations

import numpy as np
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, checker, helper, numpy_helper

from ..deployment import without_inverted_file

INTEGER = frozenset({"QuantizeLinear", "DequantizeLinear", "MatMulInteger"})
SMALL = frozenset({TensorProto.UINT8, TensorProto.UINT16, TensorProto.INT16})


def in_floats(model: ModelProto) -> ModelProto:
    """`model` without `INTEGER` nodes; itself where it has none.

    Weights keep the values eight bits gave them; what flows between the layers is not rounded any
    more. Raises ValueError for an integer node of a form that neither of the two writes.
    """
    if not any(node.op_type in INTEGER for node in model.graph.node):
        return model
    result = ModelProto()
    result.CopyFrom(without_inverted_file(model))  # a GPU multiplies more quickly than it gathers
    del result.graph.value_info[:]  # their types would no longer be right
    _Floats(result.graph).rewrite()
    checker.check_model(result, full_check=True)
    return result


def _widened(weight: TensorProto) -> TensorProto:
    """Small integers, which a memory keeps groups and lines in, as the ones TensorRT knows."""
    if weight.data_type not in SMALL:
        return weight
    return numpy_helper.from_array(numpy_helper.to_array(weight).astype(np.int32), weight.name)


class _Floats:
    def __init__(self, graph: GraphProto) -> None:
        self._graph = graph
        self._fixed = {w.name: numpy_helper.to_array(w) for w in graph.initializer}
        for node in graph.node:
            self._note_constant(node)
        self._made_by = {name: node for node in graph.node for name in node.output}
        self._new: dict[str, np.ndarray] = {}

    def rewrite(self) -> None:
        nodes = [new for node in self._graph.node for new in self._rewritten(node)]
        read = {name for node in nodes for name in node.input}
        read |= {output.name for output in self._graph.output}
        kept = [node for node in nodes if any(name in read for name in node.output)]
        del self._graph.node[:]
        self._graph.node.extend(kept)
        outputs = {output.name for output in self._graph.output}
        shown = {name for node in nodes if outputs & {*node.output} for name in node.input}
        weights = [w for w in self._graph.initializer if w.name in read]
        weights = [w if w.name in shown else _widened(w) for w in weights]
        weights += [numpy_helper.from_array(w, name) for name, w in self._new.items()]
        del self._graph.initializer[:]
        self._graph.initializer.extend(weights)

    def _note_constant(self, node: NodeProto) -> None:
        """A Constant, or a Cast of one: the zero point of the lookup."""
        if node.op_type == "Constant":
            value = helper.get_node_attr_value(node, node.attribute[0].name)
            is_tensor = isinstance(value, TensorProto)
            self._fixed[node.output[0]] = (
                numpy_helper.to_array(value) if is_tensor else np.asarray(value)
            )
        elif node.op_type == "Cast" and node.input[0] in self._fixed:
            to = helper.get_node_attr_value(node, "to")
            dtype = helper.tensor_dtype_to_np_dtype(to)
            self._fixed[node.output[0]] = self._fixed[node.input[0]].astype(dtype)

    def _rewritten(self, node: NodeProto) -> list[NodeProto]:
        match node.op_type:
            case "QuantizeLinear":
                return []  # whoever reads it is rewritten
            case "DequantizeLinear" if node.input[0] in self._fixed:
                self._new[node.output[0]] = self._weight(node)
                return []
            case "DequantizeLinear":
                return [self._unrounded(node)]
            case "MatMulInteger":
                return self._product(node)
        return [node]

    def _weight(self, node: NodeProto) -> np.ndarray:
        values, scale, zero = (self._fixed[name] for name in self._three(node))
        axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
        if scale.size > 1:
            shape = [-1 if i == axis % values.ndim else 1 for i in range(values.ndim)]
            scale, zero = scale.reshape(shape), zero.reshape(shape)
        return ((values.astype(np.float32) - zero) * scale).astype(np.float32)

    def _unrounded(self, node: NodeProto) -> NodeProto:
        """Of a pair that rounds and saturates, only that what was lost below zero stays lost.

        The quantiser leaves a ReLU out where the range after it begins at zero.
        """
        before = self._quantizer(node.input[0])
        _, _, zero = self._three(before)
        middle = self._fixed[zero]
        begins_at_zero = int(middle.ravel()[0]) == np.iinfo(middle.dtype).min
        kind = "Relu" if begins_at_zero else "Identity"
        return helper.make_node(kind, [before.input[0]], list(node.output), name=node.name)

    def _product(self, node: NodeProto) -> list[NodeProto]:
        """Scores of a query among keys, in the units they had as integers."""
        before = self._quantizer(node.input[0])
        query, step, _ = self._three(before)
        if node.input[1] not in self._fixed or len(node.input) > 3:
            raise ValueError(f"{node.name}: a product of integers that is no lookup among keys")
        keys, scaled = f"{node.input[1]}.float", f"{query}.scaled"
        self._new[keys] = self._fixed[node.input[1]].astype(np.float32)
        return [
            helper.make_node("Div", [query, step], [scaled], name=f"{node.name}_scaled"),
            helper.make_node("MatMul", [scaled, keys], list(node.output), name=node.name),
        ]

    def _quantizer(self, tensor: str) -> NodeProto:
        node = self._made_by.get(tensor)
        if node is None or node.op_type != "QuantizeLinear":
            raise ValueError(f"{tensor}: eight bits that no QuantizeLinear has made")
        return node

    @staticmethod
    def _three(node: NodeProto) -> tuple[str, str, str]:
        """Value, scale and zero point."""
        if len(node.input) != 3:
            raise ValueError(f"{node.name}: {node.op_type} without a zero point")
        value, scale, zero = node.input
        return value, scale, zero
