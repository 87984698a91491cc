"""The end that reads: requests to answers."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import PatternError
from ...integration import check_shape
from .._assembler import Reference
from .._formats import FileBusyError, NothingFoundError, Parsed, read_nexus
from .._images import hdf5_frames
from ._protocol import (
    LONGEST_TEXT,
    Answer,
    Array,
    BadFrame,
    End,
    Fault,
    FoundBeside,
    FoundPattern,
    FoundRows,
    NotYet,
    Refused,
    Request,
    Role,
)
from ._rows import NotYetError, read_beside, read_rows

UNEXPECTED = "report it, with the file"

Answered = tuple[Answer, list[NDArray[Any]]]
_Result = Parsed | NDArray[Any] | PatternError


class Answers:
    """Answers requests, one after the other; holds the file whose patterns are being read."""

    def __init__(self) -> None:
        self._results: Iterator[_Result] = iter(())

    def to(self, request: Request) -> Answered:
        """The answer; whatever goes wrong in Python is one, too."""
        try:
            return self._to(request)
        except NotYetError as error:
            return NotYet(text=_text(error)), []
        except PatternError as error:
            busy, nothing = (isinstance(error, k) for k in (FileBusyError, NothingFoundError))
            return Refused(fault=_fault(error), busy=busy, nothing=nothing), []
        except MemoryError:
            path = Path(os.fsdecode(request.path)) if request.path else "file"
            value = f"{path}: more memory is needed than one file may take"
            return Refused(fault=_fault(PatternError("file", value, "write smaller chunks"))), []
        except Exception as error:  # told to the service, which writes it into its log
            value = f"{type(error).__name__}: {error}"
            fault = _fault(PatternError("file", value, UNEXPECTED))
            return Refused(fault=fault, unexpected=True), []

    def _to(self, request: Request) -> Answered:
        path = Path(os.fsdecode(request.path))
        match request.do:
            case "patterns":
                self._results = read_nexus(path, 0)
                return _result(self._results)
            case "frames":
                self._results = hdf5_frames(path, _check(request))
                return _result(self._results)
            case "next":
                return _result(self._results)
            case "rows":
                return _rows(read_rows(path, _reference(request)))
            case "beside":
                found = read_beside(path, _reference(request))
                axis = _native(found.axis)
                answer = FoundBeside(
                    arrays=[_announced("axis", axis)],
                    unit=found.unit,
                    wavelength=found.wavelength,
                    wavelength_source=_text(found.wavelength_source),
                )
                return answer, [axis]


def _reference(request: Request) -> Reference:
    dataset = request.dataset.decode("utf-8", "surrogatepass")
    return Reference("", "", "", dataset, request.index, request.shape, request.frames)


def _check(request: Request) -> Callable[[Sequence[int | None]], object]:
    rows, columns = request.shape or (None, None)
    detector = None if rows is None or columns is None else (rows, columns)
    return partial(check_shape, detector=detector, poni=os.fsdecode(request.detector))


def _rows(values: NDArray[Any]) -> Answered:
    array = _native(values)
    return FoundRows(arrays=[_announced("rows", array)]), [array]


def _result(results: Iterator[_Result]) -> Answered:
    found = next(results, None)
    if found is None:
        return End(), []
    if isinstance(found, PatternError):
        return BadFrame(fault=_fault(found)), []
    if isinstance(found, np.ndarray):
        return _rows(found)
    roles: dict[Role, NDArray[Any] | None] = {
        "axis": found.axis,
        "intensity": found.intensity,
        "sigma": found.sigma,
    }
    arrays: dict[Role, NDArray[Any]] = {
        role: _native(array) for role, array in roles.items() if array is not None
    }
    answer = FoundPattern(
        arrays=[_announced(role, array) for role, array in arrays.items()],
        unit=found.unit,
        scale=found.scale,
        wavelength=None if found.wavelength is None else float(found.wavelength),
        wavelength_source=_text(found.wavelength_source),
        doubts={key: _fault(error) for key, error in found.doubts.items()},  # type: ignore[misc]
        metadata={
            _text(key): value if isinstance(value, int) else _text(value)
            for key, value in found.metadata.items()
        },
    )
    return answer, list(arrays.values())


def _native(array: NDArray[Any]) -> NDArray[Any]:
    """In this machine's order, contiguous, and of no kind of number that others lack."""
    dtype = "f8" if array.dtype.itemsize > 8 else array.dtype.newbyteorder("=")
    return np.ascontiguousarray(array, dtype)


def _announced(role: Role, array: NDArray[Any]) -> Array:
    name = f"{array.dtype.kind}{array.dtype.itemsize}"
    return Array(role=role, dtype=name, shape=array.shape)  # type: ignore[arg-type]


def _fault(error: PatternError) -> Fault:
    return Fault(field=_text(error.field), value=_text(error.value), remedy=_text(error.remedy))


def _text(value: object) -> str:
    """Short, and without the halves of characters that names in HDF5 may hold."""
    return str(value)[:LONGEST_TEXT].encode("utf-8", "replace").decode()
