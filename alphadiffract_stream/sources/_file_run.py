"""Files as one raw run: every pattern an event, counted from 1, read off the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

from ..errors import PatternError
from ..pattern import Origin, Pattern
from ._decoding import Decoding
from ._formats import FileBusyError
from ._hdf5_process import Hdf5Reader
from ._messages import Message, PatternReceived, PatternRefused, RunStarted, RunStopped
from ._read_options import ReadOptions


class FileRun:
    """Identity and event counter of the run a file source makes of its files."""

    def __init__(self, options: ReadOptions, wavelength: float | None, transport: str) -> None:
        self.uid = str(uuid.uuid4())
        self.descriptor_uid = str(uuid.uuid4())
        self.num_events = 0
        self.decoding = Decoding()
        self._options = options
        self._integrator = options.integrator()
        self._wavelength = wavelength
        self._transport = transport
        self._hdf5 = Hdf5Reader(options.hdf5_timeout)

    def started(self, name: str) -> RunStarted:
        """The run's opening; its start document is what a plain source knows."""
        start = {
            "uid": self.uid,
            "time": time.time(),
            "purpose": "measurement",
            "plan_name": self._transport,
            "source": name,
        }
        return RunStarted(self.uid, start)

    def stopped(self, failure: str = "") -> RunStopped:
        """The run's end; `failure` is why it ended early, if it did."""
        status = "fail" if failure else "success"
        return RunStopped(self.uid, self.num_events, status, failure)

    async def messages(self, path: Path, *, wait: bool = False) -> AsyncIterator[Message]:
        """One message a pattern in `path`; a file that cannot be read is one refusal.

        wait: raise FileBusyError instead of refusing a file that its writer has locked.
        """
        results = self._options.read(path, self._wavelength, self._integrator, self._hdf5)
        try:
            while True:
                began = time.perf_counter()
                result = await asyncio.to_thread(_next, results)
                seconds = time.perf_counter() - began
                if result is None:
                    return
                if wait and isinstance(result, FileBusyError):
                    raise result
                if self.decoding.observe:
                    self.decoding.observe(seconds)
                yield self._message(path, result)
        finally:
            # Cancelled while a thread still reads: the generator then closes itself when done.
            with contextlib.suppress(ValueError):
                results.close()  # type: ignore[attr-defined]

    def close(self) -> None:
        """End what reads HDF5. Safe to call twice."""
        self._hdf5.close()

    def origin(self, path: Path, when: float | None = None) -> Origin:
        """Origin of something found in `path` that is no event."""
        return Origin(self._transport, str(path), self.uid, time=when)

    def _message(self, path: Path, result: Pattern | PatternError) -> Message:
        self.num_events += 1
        when = result.origin.time if isinstance(result, Pattern) else _mtime(path)
        origin = replace(
            self.origin(path, when),
            descriptor_uid=self.descriptor_uid,
            event_uid=str(uuid.uuid4()),
            seq_num=self.num_events,
        )
        if isinstance(result, PatternError):
            return PatternRefused(origin, result)
        return PatternReceived(replace(result, origin=origin))


def _next(results: Iterator[Pattern | PatternError]) -> Pattern | PatternError | None:
    """None at the end; StopIteration cannot leave a thread. A file's own error is its result."""
    try:
        return next(results, None)
    except PatternError as error:
        return error


def _mtime(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return time.time()
