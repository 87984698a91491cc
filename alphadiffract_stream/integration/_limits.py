"""What is a frame at all: judged by its shape, before there is an array of that size."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import PatternError

MOST_PIXELS = 2**26
"""Of one frame: more than any detector for powder diffraction has."""
MOST_BYTES = 2**28
"""Of one frame in an HDF5 file: what the process that reads it may hand over."""


def frame_shape(shape: Sequence[int | None]) -> tuple[int, int] | None:
    """(rows, columns) of an array of `shape` that is one frame; leading axes of length one go.

    None where it is none. Raises PatternError where it is larger than `MOST_PIXELS`.
    """
    *leading, rows, columns = shape if len(shape) >= 2 else (None, None)
    if rows is None or columns is None or min(rows, columns) < 2:
        return None
    if any(n != 1 for n in leading):
        return None
    if prod((rows, columns)) > MOST_PIXELS:
        remedy = f"integrate it elsewhere; {MOST_PIXELS} pixels are read at most"
        raise PatternError("frame", f"{rows} x {columns} pixels", remedy)
    return rows, columns


def check_shape(
    shape: Sequence[int | None], detector: tuple[int, int] | None, poni: str
) -> tuple[int, int]:
    """(rows, columns) of an array of `shape`, which is one frame of a detector that has those.

    detector: (rows, columns); None where nobody knows yet. poni: name of its file, for the message.
    Raises PatternError.
    """
    found = frame_shape(shape)
    if found is None:
        remedy = "send one frame an event (rows, columns); add or average repeated exposures"
        raise PatternError("frame", f"shape {tuple(shape)}", remedy)
    if detector not in (None, found):
        remedy = "name the PONI of this detector (binning and ROI included)"
        value = f"shape {found}, but the detector of {poni} has {detector}"
        raise PatternError("frame", value, remedy)
    return found


def frame_of(value: Any) -> NDArray[Any]:
    """`value` as an array of real numbers, (rows, columns) where it is one frame.

    Raises PatternError.
    """
    try:
        array = np.asarray(value)
    except (TypeError, ValueError) as error:
        raise PatternError("frame", f"no array ({error})", "send an array of numbers") from None
    if array.dtype.kind not in "iuf":
        raise PatternError("frame", f"dtype {array.dtype}", "send counts as real numbers")
    return array.reshape(array.shape[-2:]) if frame_shape(array.shape) else array
