"""A memory that is not read as a whole: an inverted file (Sivic & Zisserman 2003, doi
10.1109/ICCV.2003.1238663; Jégou et al. 2011, doi 10.1109/TPAMI.2010.57).

Keys lie in cells of like ones; a query is compared with the cells' directions and then with the
keys of the nearest cells alone. Between two patterns the keys leave a processor's caches, and the
seven megabytes of all of them then take longer to come than to multiply. Decision 27.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, helper, numpy_helper

from ._cells import cell_count, cells_of
from ._initializers import array_of, copied, drop, put
from ._lookup import LookupNodes, find_lookup

SIZE = 128
"""Keys of a cell."""
PROBES = 64
"""Cells that are read."""
WORTH_IT = 4
"""Times as many cells as are read there have to be."""
_MARK = "inverted_file/"
"""Begins the names of what is put in."""


def has_inverted_file(model: ModelProto) -> bool:
    """Whether the memory of `model` is read in part."""
    return any(node.name.startswith(_MARK) for node in model.graph.node)


def with_inverted_file(
    model: ModelProto, size: int = SIZE, probes: int = PROBES, worth_it: float = WORTH_IT
) -> ModelProto:
    """`model` with its memory in cells of `size`, `probes` of which are read; `model` itself where
    there are too few crystals for that to pay.

    Raises ValueError as `find_lookup` does.
    """
    lookup = find_lookup(model)
    keys = array_of(model, lookup.keys).T
    if cell_count(len(keys), size) < worth_it * probes:
        return model
    centroids, slots = cells_of(keys, size)
    result = copied(model)
    near = np.where(slots[:, :, None] >= 0, keys[slots], 0).transpose(0, 2, 1)
    rows = slots.clip(0).ravel()  # an empty slot has a key of zeros, which is like nothing
    put(result, lookup.keys, np.ascontiguousarray(near))
    for name in (lookup.group, lookup.lattice, *lookup.others):
        put(result, name, array_of(model, name)[rows])
    parts = {
        "centroids": np.ascontiguousarray(centroids.T),
        "probes": np.array([probes]),
        "size": np.array(size),
        "axes": np.array([1, 2]),
        "flat": np.array([0, -1]),
    }
    for name, value in parts.items():
        result.graph.initializer.append(numpy_helper.from_array(value, _MARK + name))
    _replace(result, [lookup.scores.name, lookup.best.name], _searching(lookup))
    return result


def without_inverted_file(model: ModelProto) -> ModelProto:
    """The same crystals, all of them read again; `model` itself where they are anyway."""
    if not has_inverted_file(model):
        return model
    result = copied(model)
    marked = {node.name: node for node in result.graph.node if node.name.startswith(_MARK)}
    part = {name: marked[_MARK + name] for name in ("near", "scores", "best", "crystal")}
    keys = part["near"].input[0]
    near = array_of(model, keys)
    flat = near.transpose(1, 0, 2).reshape(near.shape[1], -1)
    kept = flat.any(axis=0)
    shapes = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    for name, shape in shapes.items():
        if shape[:1] == (kept.size,):
            put(result, name, array_of(model, name)[kept])
    put(result, keys, np.ascontiguousarray(flat[:, kept]))
    query, zero = marked[_MARK + "query"].input[0], part["scores"].input[2]
    scores, best = part["best"].input[0], part["best"]
    values, crystal = best.output[0], part["crystal"].output[0]
    plain = [
        helper.make_node("MatMulInteger", [query, keys, zero], [scores], name="memory_scores"),
        helper.make_node("TopK", [scores, best.input[1]], [values, crystal], name="memory_best"),
    ]
    _replace(result, [node.name for node in marked.values()], plain)
    drop(result, [t.name for t in result.graph.initializer if t.name.startswith(_MARK)])
    return result


def _searching(lookup: LookupNodes) -> list[NodeProto]:
    """What stands in the place of `lookup`."""
    quantised, _, zero = lookup.scores.input
    scores = lookup.scores.output[0]
    _, count = lookup.best.input
    values, crystal = lookup.best.output

    def node(kind: str, given: list[str], made: list[str], name: str, **more: Any) -> NodeProto:
        return helper.make_node(kind, given, made, name=_MARK + name, **more)

    def at(name: str) -> str:
        return _MARK + name

    return [
        node("MatMul", [lookup.query, at("centroids")], [at("likeness")], "likeness"),
        node("TopK", [at("likeness"), at("probes")], [at("nearest"), at("cells")], "cells"),
        node("Gather", [lookup.keys, at("cells")], [at("keys")], "near", axis=0),
        node("Unsqueeze", [quantised, at("axes")], [at("asked")], "query"),
        node("MatMulInteger", [at("asked"), at("keys"), zero], [at("each")], "scores"),
        node("Reshape", [at("each"), at("flat")], [scores], "flat"),
        node("TopK", [scores, count], [values, at("place")], "best"),
        # A place among the keys that were read → which crystal.
        node("Div", [at("place"), at("size")], [at("row")], "row"),
        node("Mod", [at("place"), at("size")], [at("column")], "column"),
        node("GatherElements", [at("cells"), at("row")], [at("cell")], "cell", axis=1),
        node("Mul", [at("cell"), at("size")], [at("first")], "first"),
        node("Add", [at("first"), at("column")], [crystal], "crystal"),
    ]


def _replace(model: ModelProto, old: list[str], new: list[NodeProto]) -> None:
    """Nodes called `old` by `new`, where the last of them was: all that they read is made there."""
    nodes = list(model.graph.node)
    last = max(i for i, node in enumerate(nodes) if node.name in old)
    kept = [n for n in nodes[:last] if n.name not in old]
    kept += [*new, *nodes[last + 1 :]]
    del model.graph.node[:]
    model.graph.node.extend(kept)
