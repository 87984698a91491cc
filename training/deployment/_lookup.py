"""Where in an exported graph the memory's lookup is, and the arrays it reads."""

from __future__ import annotations

from dataclasses import dataclass

from onnx import ModelProto, NodeProto, TensorProto

KEPT_AS = frozenset({TensorProto.UINT8, TensorProto.UINT16})
"""Types of what is kept of crystals beside keys, groups and cells."""


@dataclass(frozen=True, slots=True, eq=False)
class LookupNodes:
    """The one lookup of a graph: scores of a query among all keys, and the best of them."""

    scores: NodeProto
    """MatMulInteger: quantised query, keys, zero point → scores."""
    best: NodeProto
    """TopK: scores, count → best scores, their crystals."""
    query: str
    """Name of the key that is looked up, before it is quantised."""
    keys: str
    """Names of the initializers: (K, M) int8 keys,"""
    group: str
    """(M,) space groups,"""
    lattice: str
    """(M, 6) cells,"""
    others: tuple[str, ...]
    """and what else is kept of each crystal, (M, …): the lines of `training match`."""


def has_memory(model: ModelProto) -> bool:
    """Whether `model` has one memory in integers, which `find_lookup` finds."""
    return sum(node.op_type == "MatMulInteger" for node in model.graph.node) == 1


def find_lookup(model: ModelProto) -> LookupNodes:
    """Raises ValueError for a graph without a memory, with one in floats (``export --portable``),
    with several (an ensemble's members have one each) or of another form.
    """
    lookups = [node for node in model.graph.node if node.op_type == "MatMulInteger"]
    if len(lookups) != 1:
        raise ValueError(
            f"{len(lookups)} memories in the graph, where one is wanted: a network of one "
            "member, exported after `training remember` and without --portable"
        )
    (scores,) = lookups
    best = _one_node(model, "TopK", reads=scores.output[0])
    query = _one_node(model, "QuantizeLinear", makes=scores.input[0]).input[0]
    shapes = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    keys = scores.input[1]
    if len(shapes.get(keys, ())) != 2:
        raise ValueError(f"{scores.name}: what it looks among is not one matrix of keys")
    count = shapes[keys][1]
    group, lattice = (_one_tensor(shapes, shape) for shape in ((count,), (count, 6)))
    known = {keys, group, lattice}
    kept = (tensor for tensor in model.graph.initializer if tensor.data_type in KEPT_AS)
    each = [tensor.name for tensor in kept if [*tensor.dims[:1]] == [count]]
    others = tuple(name for name in each if name not in known)
    return LookupNodes(scores, best, query, keys, group, lattice, others)


def _one_node(model: ModelProto, kind: str, *, reads: str = "", makes: str = "") -> NodeProto:
    for node in model.graph.node:
        if node.op_type == kind and (reads in node.input or makes in node.output):
            return node
    raise ValueError(f"no {kind} beside {reads or makes}: not the lookup that `export` writes")


def _one_tensor(shapes: dict[str, tuple[int, ...]], shape: tuple[int, ...]) -> str:
    found = [name for name, other in shapes.items() if other == shape]
    if len(found) != 1:
        raise ValueError(f"{len(found)} tensors of shape {shape} in the graph, not one")
    return found[0]
