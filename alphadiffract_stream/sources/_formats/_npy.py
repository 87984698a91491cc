"""NumPy .npy arrays: columns, rows, or an axis row with a stack of patterns under it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from ...errors import PatternError
from ._axis_names import axis_of
from ._columns import settle
from ._parsed import Parsed, Results

_LAYOUT = "save (n, 2), (n, 3), (2, n), (3, n), or (1 + patterns, n) with the axis first"


def read(path: Path, max_bytes: int) -> Results:
    """Shapes (n, 2|3) and (2|3, n) are one pattern: axis, intensity[, sigma]. A taller (m, n) array
    is a stack on the axis in row 0. Named fields say what they are. Never unpickles.

    `max_bytes` is for text; an array is mapped and read a pattern at a time.
    """
    array = _open(path)
    if array.dtype.names:
        yield _structured(array, path)
        return
    if array.dtype.kind not in "iuf":
        raise PatternError("dtype", f"{path}: {array.dtype}", "save real numbers")
    if array.ndim != 2 or min(array.shape) < 2:
        raise PatternError("shape", f"{path}: {array.shape}", _LAYOUT)
    rows, columns = array.shape
    if columns in (2, 3) and rows > columns:
        array, rows = array.T, columns
    elif columns <= 3:
        raise PatternError("shape", f"{path}: {array.shape}, too few points to tell", _LAYOUT)
    axis = np.array(array[0], dtype=float)
    if rows <= 3:
        sigma = np.array(array[2], dtype=float) if rows == 3 else None
        yield Parsed(axis, np.array(array[1], dtype=float), sigma)
        return
    steps = np.diff(axis)
    if not (np.all(steps > 0) or np.all(steps < 0)):
        value = f"{path}: row 0 of {array.shape} neither rises nor falls throughout"
        raise PatternError("axis", value, _LAYOUT)
    for frame in range(1, rows):
        intensity = np.array(array[frame], dtype=float)
        yield Parsed(axis, intensity, metadata={"frame": frame - 1})


def _structured(array: NDArray[Any], path: Path) -> Parsed:
    names = list(array.dtype.names or ())
    if array.ndim != 1 or len(names) < 2 or any(array.dtype[n].kind not in "iuf" for n in names):
        value = f"{path}: {array.dtype} {array.shape}"
        raise PatternError("fields", value[:200], "save two or three real fields, one row a point")
    axis = axis_of(names[0])
    unit, scale, doubts = settle(axis, str(path))
    columns = [np.array(array[name], dtype=float) for name in names[:3]]
    sigma = columns[2] if len(names) == 3 else None
    return Parsed(columns[0], columns[1], sigma, unit=unit, scale=scale, doubts=doubts)


def _open(path: Path) -> NDArray[Any]:
    try:
        return open_memmap(path, mode="r")
    # The header is a Python literal parsed by NumPy: a damaged one raises nearly anything.
    except Exception as error:
        value = f"{path}: {type(error).__name__}: {str(error)[:200]}"
        remedy = "write it with numpy.save, without objects (truncated file?)"
        raise PatternError("file", value, remedy) from None
