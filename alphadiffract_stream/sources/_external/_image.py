"""One event's file of a series of TIFF or CBF."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ...errors import PatternError
from ...integration import frame_shape
from .._assembler import Reference
from .._hdf5_process import NotYetError
from .._images import frames_in_file


class _ShapeError(PatternError):
    pass


def read_image(path: Path, reference: Reference) -> NDArray[Any]:
    """(rows, columns) of the one frame in `path`.

    Raises NotYetError, also where the file is damaged: it may not be written to its end. Raises
    PatternError where waiting will not help.
    """

    def check(shape: Sequence[int | None]) -> None:
        found, said = frame_shape(shape), frame_shape(reference.shape)
        if found is None or found != said:
            value = f"{path}: shape {tuple(shape)}, the data key says {list(reference.shape)}"
            raise _ShapeError("external data", value, "describe the frames as they are")

    try:
        frames = list(frames_in_file(path, check))
    except _ShapeError:
        raise
    except PatternError as error:
        raise NotYetError(str(error.value)) from None
    if len(frames) != 1:
        value = f"{path}: {len(frames)} frames"
        raise PatternError("external data", value, "write one frame a file")
    return frames[0]
