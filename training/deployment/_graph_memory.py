"""The memory inside an exported graph: read, and put back with more crystals in it."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper

from ..matching import NONE, Lines
from ..retrieval import Remembered, quantised
from ._initializers import array_of, copied, put
from ._inverted_file import has_inverted_file, with_inverted_file, without_inverted_file
from ._lookup import find_lookup

_BATCH = 64


class GraphMemory:
    """The one memory of `model`, which stays as it is.

    Raises ValueError as `find_lookup` does: for a graph without a memory, or with several.
    """

    def __init__(self, model: ModelProto) -> None:
        self._read_in_part = has_inverted_file(model)
        self._model = without_inverted_file(model)
        self._lookup = find_lookup(self._model)
        keys, group, lattice = (array_of(self._model, name) for name in self._names)
        self.content = Remembered(
            np.ascontiguousarray(keys.T), group.astype(np.uint8), lattice.astype(np.float16)
        )
        self.lines = self._lines()
        """Of the same crystals; None where the network compares none."""

    def _lines(self) -> Lines | None:
        if not self._lookup.others:
            return None
        kept = {_column(array): array for array in map(self._array, self._lookup.others)}
        # Networks made before 0.4 have no shares, and do not tell what was only computed.
        kept.setdefault("share", np.full((*kept["place"].shape, 3), NONE, np.uint8))
        kept.setdefault("theoretical", np.zeros((len(kept["place"]), 1), np.uint8))
        return Lines(**kept)

    def _array(self, name: str) -> NDArray[Any]:
        return array_of(self._model, name)

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

    def holding(self, content: Remembered, lines: Lines | None = None) -> ModelProto:
        """The same graph with another memory, read in part if this one is.

        `lines` of the same crystals are wanted where the network compares lines: ValueError.
        """
        model = copied(self._model)
        self._put_lines(model, len(content), lines)
        values = (np.ascontiguousarray(content.keys.T), content.group, content.lattice)
        for name, value in zip(self._names, values, strict=True):
            put(model, name, value.astype(array_of(model, name).dtype))
        return with_inverted_file(model) if self._read_in_part else model

    def _put_lines(self, model: ModelProto, count: int, lines: Lines | None) -> None:
        if self.lines is None:
            return
        if lines is None or len(lines) != count:
            raise ValueError(f"{0 if lines is None else len(lines)} lines of {count} crystals")
        for name in self._lookup.others:
            put(model, name, getattr(lines, _column(self._array(name))))


def _column(array: NDArray[Any]) -> str:
    """Of `Lines`, that a graph's array is."""
    if array.dtype == np.uint16:
        return "place"
    if array.ndim == 3:
        return "share"
    return "theoretical" if array.shape[1] == 1 else "strength"


def quantised_keys(keys: NDArray[np.float32]) -> NDArray[np.int8]:
    """Mean directions (N, K) of several views (V, N, K), as a memory keeps them."""
    mean = keys.mean(axis=0)
    mean /= np.linalg.norm(mean, axis=1, keepdims=True)
    return quantised(torch.from_numpy(mean)).numpy()
