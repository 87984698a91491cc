"""One event's rows of an HDF5 dataset, also while it is being written (SWMR)."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from ...errors import PatternError
from ...integration import MOST_BYTES, MOST_PIXELS, frame_shape
from .._assembler import Beside, Reference
from .._formats import MAX_POINTS, Tree, nexus_beside

_FAILURES = (OSError, RuntimeError, KeyError, ValueError, TypeError)
"""HDF5's own surface as any of these; half-written metadata is among their causes."""


class NotYetError(Exception):
    """What is asked for is not there, but its writer may not have come so far."""


def read_rows(path: Path, reference: Reference) -> NDArray[Any]:
    """Array of `reference`.

    A dataset of one dimension more than an event's value has a row for each event; one of as
    many has the event's frames one after the other. Raises NotYetError, and PatternError where
    waiting will not help.
    """
    with _open(path) as tree:
        dataset = _dataset(tree, path, reference)
        frames, shape = reference.frames, reference.shape
        if frames is None and dataset.ndim == len(shape) > 0:
            frames = shape[0] or 1
        if dataset.ndim == 0 or (frames is None and dataset.ndim != len(shape) + 1):
            value = f"has shape {dataset.shape}, an event's value {list(shape)}"
            raise _wrong(path, reference, value)
        first, n = reference.index * (frames or 1), frames or 1
        if dataset.shape[0] < first + n:
            raise NotYetError(f"{dataset.shape[0]} rows, {first + n} are needed")
        _check_size(dataset, n, path, reference)
        return np.asarray(dataset[first] if frames is None else dataset[first : first + n])


def read_beside(path: Path, reference: Reference) -> Beside:
    """What the NXdata group of the dataset says of its radial axis. Raises as `read_rows`."""
    with _open(path) as tree:
        group = tree.get(tree.root, reference.dataset.rpartition("/")[0])
        if not isinstance(group, h5py.Group):
            raise NotYetError(f"no {reference.dataset!r}")
        return Beside(*nexus_beside(tree, group, reference.index, str(path)))


class _open:  # noqa: N801 - a function, but for the errors inside of its block
    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Tree:
        try:
            self._tree = Tree(self._path, swmr=True)
        except _FAILURES as error:
            raise NotYetError(str(error)[:200]) from None
        return self._tree

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._tree.__exit__(None, None, None)
        if isinstance(error, _FAILURES) and not isinstance(error, PatternError):
            raise NotYetError(f"{type(error).__name__}: {str(error)[:200]}") from None


def _dataset(tree: Tree, path: Path, reference: Reference) -> h5py.Dataset:
    found = tree.get(tree.root, reference.dataset)
    if found is None:
        if tree.outside:
            raise _wrong(path, reference, f"leads out of its folder ({tree.outside[0]})")
        raise NotYetError(f"no {reference.dataset!r}")
    if not isinstance(found, h5py.Dataset) or found.dtype.kind not in "biuf":
        raise _wrong(path, reference, "is no dataset of numbers")
    if not tree.stays_inside(found):
        raise _wrong(path, reference, "lies in files outside of its folder, or they are missing")
    found.id.refresh()
    return found


def _check_size(dataset: h5py.Dataset, rows: int, path: Path, reference: Reference) -> None:
    """Before there is an array of that size; a chunk is unpacked as a whole."""
    points, chunk = rows * prod(dataset.shape[1:]), prod(dataset.chunks or ())
    most = MOST_PIXELS if frame_shape(reference.shape) else MAX_POINTS
    most = min(most, MOST_BYTES // dataset.dtype.itemsize)
    if points > most:
        value = f"has {points} points an event; at most {most} are read"
        raise _wrong(path, reference, value)
    if chunk > MOST_PIXELS:
        value = f"has {chunk} points in a chunk; at most {MOST_PIXELS} are read"
        raise _wrong(path, reference, value)


def _wrong(path: Path, reference: Reference, value: str) -> PatternError:
    remedy = "check what the detector's file writer puts into its documents"
    return PatternError("external data", f"{path}:{reference.dataset} {value}", remedy)
