"""The memory inside an exported graph: read, and put back with more crystals in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper, numpy_helper

from ..retrieval import quantised
from ._inverted_file import has_inverted_file, with_inverted_file, without_inverted_file
from ._lookup import find_lookup

_BATCH = 64


@dataclass(frozen=True, slots=True, eq=False)
class Remembered:
    """M crystals as the graph holds them."""

    keys: NDArray[np.int8]
    """(M, K)."""
    group: NDArray[np.uint8]
    """(M,) 0…229."""
    lattice: NDArray[np.float16]
    """(M, 6) Niggli a b c (Å) α β γ (°)."""

    def __len__(self) -> int:
        return len(self.keys)

    def __add__(self, other: Remembered) -> Remembered:
        return Remembered(
            np.concatenate([self.keys, other.keys]),
            np.concatenate([self.group, other.group]),
            np.concatenate([self.lattice, other.lattice]),
        )

    def take(self, rows: NDArray) -> Remembered:
        """Some of them: a mask or indices."""
        return Remembered(self.keys[rows], self.group[rows], self.lattice[rows])


class GraphMemory:
    """The one memory of `model`, which stays as it is.

    Raises ValueError as `find_lookup` does: for a graph without a memory, or with several.
    """

    def __init__(self, model: ModelProto) -> None:
        self._read_in_part = has_inverted_file(model)
        self._model = without_inverted_file(model)
        self._lookup = find_lookup(self._model)
        weights = {tensor.name: tensor for tensor in self._model.graph.initializer}
        keys, group, lattice = (numpy_helper.to_array(weights[name]) for name in self._names)
        self.content = Remembered(
            np.ascontiguousarray(keys.T), group.astype(np.uint8), lattice.astype(np.float16)
        )

    @property
    def _names(self) -> list[str]:
        return [self._lookup.keys, self._lookup.group, self._lookup.lattice]

    def keys(self, patterns: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, K) keys of length 1 that the graph makes of (N, 8192) patterns."""
        query = self._lookup.query
        cut = ModelProto()
        cut.CopyFrom(self._model)
        cut.graph.output.append(helper.make_tensor_value_info(query, TensorProto.FLOAT, None))
        session = onnxruntime.InferenceSession(
            cut.SerializeToString(), providers=["CPUExecutionProvider"]
        )
        parts = [
            session.run([query], {"pattern": patterns[i : i + _BATCH]})[0]
            for i in range(0, len(patterns), _BATCH)
        ]
        return np.concatenate([np.asarray(part) for part in parts])

    def holding(self, content: Remembered) -> ModelProto:
        """The same graph with another memory, read in part if this one is."""
        model = ModelProto()
        model.CopyFrom(self._model)
        del model.graph.value_info[:]  # scores have another width now
        values = (np.ascontiguousarray(content.keys.T), content.group, content.lattice)
        for tensor in model.graph.initializer:
            if tensor.name in self._names:
                dtype = helper.tensor_dtype_to_np_dtype(tensor.data_type)
                value = values[self._names.index(tensor.name)].astype(dtype)
                tensor.CopyFrom(numpy_helper.from_array(value, tensor.name))
        return with_inverted_file(model) if self._read_in_part else model


def quantised_keys(keys: NDArray[np.float32]) -> NDArray[np.int8]:
    """Mean directions (N, K) of several views (V, N, K), as a memory keeps them."""
    mean = keys.mean(axis=0)
    mean /= np.linalg.norm(mean, axis=1, keepdims=True)
    return quantised(torch.from_numpy(mean)).numpy()


def known(
    new: Remembered,
    old: Remembered,
    similarity: float = 0.97,
    *,
    length: float = 0.02,
    angle: float = 1.0,
) -> NDArray[np.bool_]:
    """(N,) whether `old` holds each of `new` already, by the rule of `thinned`."""
    repeated = np.zeros(len(new), dtype=bool)
    for group in np.unique(new.group):
        mine, theirs = np.flatnonzero(new.group == group), np.flatnonzero(old.group == group)
        cosine = _unit(new.keys[mine]) @ _unit(old.keys[theirs]).T
        place = _place(new.lattice[mine], length, angle)[:, None]
        other = _place(old.lattice[theirs], length, angle)[None]
        close = np.abs(place - other).max(axis=2, initial=0) < 1
        repeated[mine] = ((cosine > similarity) & close).any(axis=1)
    return repeated


def _unit(keys: NDArray[np.int8]) -> NDArray[np.float32]:
    values = keys.astype(np.float32)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def _place(lattice: NDArray[np.float16], length: float, angle: float) -> NDArray[np.float32]:
    values = lattice.astype(np.float32)
    return np.concatenate([np.log(values[:, :3]) / np.log1p(length), values[:, 3:] / angle], axis=1)
