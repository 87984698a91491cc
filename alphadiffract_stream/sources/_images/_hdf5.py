"""Frames in HDF5: areaDetector's, NXdetector's and Eiger's, one of them read at a time."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from ...errors import PatternError
from ...integration import MOST_BYTES, MOST_PIXELS
from .._formats import FileBusyError, Tree
from ._codecs import Check

_KNOWN = ("entry/data/data", "entry/instrument/detector/data", "entry/data", "data")
"""Where areaDetector and NXdetector have frames; a group has Eiger's, data_000001 and so on."""


def hdf5_frames(path: Path, check: Check) -> Iterator[NDArray[Any] | PatternError]:
    """Frames of the detector, in order; one that cannot be read is an error in its place.

    check: sees the frames' shape before there is an array of it, and raises PatternError. Raises
    PatternError where there are none.
    """
    try:
        with Tree(path) as tree:
            datasets = list(_datasets(tree))
            if not datasets:
                remedy = "put the frames into /entry/data/data, or give a pattern"
                raise PatternError("file", f"{path}: neither patterns nor frames", remedy)
            for dataset in datasets:
                yield from _frames(tree, dataset, path, check)
    except BlockingIOError as error:
        value, remedy = f"{path}: locked by its writer", "read it when the writer has closed it"
        raise FileBusyError("file", value, remedy) from error
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        if isinstance(error, PatternError):
            raise
        value = f"{path}: {type(error).__name__}: {str(error)[:200]}"
        raise PatternError("file", value, "check that it is whole and closed") from error


def _datasets(tree: Tree) -> Iterator[h5py.Dataset]:
    """The first of the known places that holds frames."""
    for name in _KNOWN:
        found = tree.get(tree.root, name)
        if isinstance(found, h5py.Group):
            named = sorted(tree.children(found), key=lambda child: child[0])
            several = [one for key, one in named if key.startswith("data_") and _is_frames(one)]
            if several:
                yield from several
                return
        elif _is_frames(found):
            yield found
            return


def _is_frames(thing: Any) -> bool:
    if not isinstance(thing, h5py.Dataset):
        return False
    return thing.dtype.kind in "iuf" and thing.ndim in (2, 3) and min(thing.shape[-2:]) > 1


def _frames(
    tree: Tree, dataset: h5py.Dataset, path: Path, check: Check
) -> Iterator[NDArray[Any] | PatternError]:
    place = f"{path}:{dataset.name}"
    check(dataset.shape[-2:])
    if not tree.stays_inside(dataset):
        remedy = "put the files it refers to beside it"
        raise PatternError("file", f"{place}: data outside the file's folder, or missing", remedy)
    if prod(dataset.chunks or ()) > MOST_PIXELS:
        value = f"{place}: chunks of {dataset.chunks} values"
        raise PatternError("file", value, f"write chunks of at most {MOST_PIXELS} values")
    size = prod(dataset.shape[-2:]) * dataset.dtype.itemsize
    if size > MOST_BYTES:
        value = f"{place}: frames of {size} bytes; at most {MOST_BYTES} are read"
        raise PatternError("frame", value, "write the counts as 4-byte numbers")
    for index in np.ndindex(*dataset.shape[:-2]):
        try:
            yield np.asarray(dataset[index] if index else dataset[()])
        except (OSError, RuntimeError, ValueError) as error:
            value = f"{place}: frame {index}: {str(error)[:200]}"
            yield PatternError("frame", value, "check that the file is whole")
