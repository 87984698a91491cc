"""`Hdf5Reader`: reads HDF5 in processes that may be lost without harm."""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from numpy.typing import NDArray

from ...errors import PatternError
from .._assembler import Beside, Reference
from .._formats import FileBusyError, NothingFoundError, Parsed, Results
from ._blamed import Blamed
from ._framing import Arrays
from ._process import LostError, Process
from ._protocol import (
    Answer,
    BadFrame,
    End,
    Fault,
    FoundBeside,
    FoundPattern,
    FoundRows,
    NotYet,
    Refused,
    Request,
)
from ._rows import NotYetError

log = logging.getLogger(__name__)

T = TypeVar("T")

HDF5_TIMEOUT = 10.0
"""s for one pattern or frame."""
_KEPT = 2
"""Processes kept while nothing is read."""
_STUCK = 4
"""Processes that even the system cannot end, after which no more are started."""


class Hdf5Reader:
    """Starts a process when first asked, and another when one is lost. For any thread.

    limit: s that one pattern or frame, or one event's rows, may take.
    """

    def __init__(self, limit: float = HDF5_TIMEOUT) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._idle: list[Process] = []
        self._stuck: list[Process] = []
        self._blamed = Blamed()
        # Also without `close`, as for a socket: nothing is left running.
        weakref.finalize(self, _end_all, self._idle)

    def patterns(self, path: Path, max_bytes: int) -> Results:
        """As `read_nexus`, which reads in this process."""
        request = Request(do="patterns", limit=self._limit, path=os.fsencode(path))
        return self._each(path, request, _parsed)

    def frames(
        self, path: Path, detector: tuple[int, int] | None, poni: str
    ) -> Iterator[NDArray[Any] | PatternError]:
        """As `hdf5_frames`, which reads in this process, with the check of `check_shape`."""
        request = Request(
            do="frames",
            limit=self._limit,
            path=os.fsencode(path),
            shape=detector or (),
            detector=os.fsencode(poni),
        )
        return self._each(path, request, _rows)

    def rows(self, path: Path, reference: Reference) -> NDArray[Any]:
        """As `read_rows`, which reads in this process."""
        with self._process(path, "external data") as process:
            answer, arrays = process.ask(self._request("rows", path, reference))
            found = _rows(answer, arrays)
            if found is None:
                raise _raised(answer, path)
            return found

    def beside(self, path: Path, reference: Reference) -> Beside:
        """As `read_beside`, which reads in this process."""
        with self._process(path, "external data") as process:
            answer, arrays = process.ask(self._request("beside", path, reference))
            if not isinstance(answer, FoundBeside) or "axis" not in arrays:
                raise _raised(answer, path)
            said = answer.wavelength, answer.wavelength_source
            return Beside(arrays["axis"], answer.unit, *said)

    def close(self) -> None:
        """End the processes that read nothing now. What is asked later starts new ones."""
        with self._lock:
            idle = self._idle.copy()
            self._idle.clear()
        _end_all(idle)

    def _each(
        self, path: Path, request: Request, found: Callable[[Answer, Arrays], T | None]
    ) -> Iterator[T | PatternError]:
        """Each of what `request` finds in a file; `found`: what an answer stands for, if any."""
        with self._process(path, "file") as process:
            while True:
                answer, arrays = process.ask(request)
                if isinstance(answer, End):
                    return
                if isinstance(answer, BadFrame):
                    yield _error(answer.fault)
                elif (one := found(answer, arrays)) is not None:
                    yield one
                else:
                    raise _raised(answer, path)
                request = Request(do="next", limit=self._limit)

    def _request(self, do: Any, path: Path, reference: Reference) -> Request:
        return Request(
            do=do,
            limit=self._limit,
            path=os.fsencode(path),
            dataset=reference.dataset.encode("utf-8", "surrogatepass"),
            index=reference.index,
            shape=reference.shape,
            frames=reference.frames,
        )

    @contextmanager
    def _process(self, path: Path, field: str) -> Iterator[Process]:
        """A process for one file. LostError in the block, or from the start, is a PatternError."""
        if reason := self._blamed.reason(path):
            raise _lost(field, path, reason)
        process = self._take(field, path)
        try:
            yield process
        except LostError as error:
            self._end(process)
            self._blamed.add(path, str(error))
            log.warning("%r: libhdf5 %s; refused, and the process replaced", str(path), error)
            raise _lost(field, path, str(error)) from None
        except (PatternError, NotYetError):
            self._give_back(process)
            raise
        except BaseException:  # left in the middle of a file
            self._end(process)
            raise
        else:
            self._blamed.discard(path)
            self._give_back(process)

    def _take(self, field: str, path: Path) -> Process:
        with self._lock:
            while self._idle:
                process = self._idle.pop()
                if not process.ended:
                    return process
                process.end()
            self._stuck = [one for one in self._stuck if not one.ended]
            stuck = len(self._stuck)
        if stuck >= _STUCK:
            value = f"{path}: {stuck} processes wait for a disk and cannot be ended"
            raise PatternError(field, value, "see to the file system")
        try:
            return Process()
        except (LostError, OSError) as error:
            log.error("the process that reads HDF5 did not start: %s", error)
            value = f"{path}: the process that reads HDF5 did not start: {error}"
            raise PatternError(field, value, "look at the service's log and limits") from None

    def _give_back(self, process: Process) -> None:
        with self._lock:
            if len(self._idle) < _KEPT:
                self._idle.append(process)
                return
        process.end()

    def _end(self, process: Process) -> None:
        if not process.end():
            with self._lock:
                self._stuck.append(process)


def _end_all(processes: list[Process]) -> None:
    for process in processes:
        process.end()


def _rows(answer: Answer, arrays: Arrays) -> NDArray[Any] | None:
    return arrays.get("rows") if isinstance(answer, FoundRows) else None


def _parsed(answer: Answer, arrays: Arrays) -> Parsed | None:
    if not isinstance(answer, FoundPattern):
        return None
    if not {"axis", "intensity"} <= arrays.keys():
        raise LostError("was subverted: a pattern without axis or intensity")
    return Parsed(
        axis=arrays["axis"],
        intensity=arrays["intensity"],
        sigma=arrays.get("sigma"),
        unit=answer.unit,
        scale=answer.scale,
        wavelength=answer.wavelength,
        wavelength_source=answer.wavelength_source,
        doubts={key: _error(fault) for key, fault in answer.doubts.items()},
        metadata=answer.metadata,
    )


def _error(fault: Fault) -> PatternError:
    return PatternError(fault.field, fault.value, fault.remedy)


def _raised(answer: Answer, path: Path) -> Exception:
    """What an answer that is nothing found stands for."""
    match answer:
        case NotYet():
            return NotYetError(answer.text)
        case Refused(busy=True):
            return FileBusyError(answer.fault.field, answer.fault.value, answer.fault.remedy)
        case Refused(nothing=True):
            return NothingFoundError(answer.fault.field, answer.fault.value, answer.fault.remedy)
        case Refused():
            if answer.unexpected:
                log.error("%r: a fault in what reads HDF5: %r", str(path), answer.fault.value)
            return _error(answer.fault)
    return LostError(f"was subverted: {answer.kind!r} is no answer to this")


def _lost(field: str, path: Path, reason: str) -> PatternError:
    remedy = "it is damaged, or its disk hangs: write it again, or raise ?hdf5_timeout="
    return PatternError(field, f"{path}: libhdf5 {reason}", remedy)
