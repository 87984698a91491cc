"""Completes events whose arrays lie in files, off the event loop and in order."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from ...errors import ConfigurationError, PatternError
from .._assembler import SERIES, Recent, Reference, Unfilled
from .._hdf5_process import HDF5_TIMEOUT, Hdf5Reader, NotYetError
from .._messages import Message, PatternReceived, PatternRefused
from ._folders import confined
from ._image import read_image

log = logging.getLogger(__name__)

T = TypeVar("T")

_LOOK = 0.02
"""s before the second look at a file; each further pause is half as long again."""
_LONGEST_LOOK = 0.5


async def filled(filler: Filler | None, messages: Iterable[Message]) -> AsyncIterator[Message]:
    """`messages`, external data read and frames integrated, or refused with the reason, in the
    same order."""
    for message in messages:
        if isinstance(message, Unfilled) and (filler is not None or not message.references):
            yield await asyncio.to_thread(_complete, filler, message)
        else:
            yield message


def _complete(filler: Filler | None, event: Unfilled) -> PatternReceived | PatternRefused:
    if filler is not None:
        return filler.complete(event)
    try:
        return PatternReceived(event.complete({}, None))
    except PatternError as error:
        return PatternRefused(event.origin, error, event.metadata)


class Filler:
    """Reads what events refer to, inside of `folders` only.

    wait: s that a file, a dataset in it or a row of that may be late. Once a file was not there
    in time, later events look at it once and do not wait, until it is there after all.
    limit: s that reading what is there may take, after which the event is refused.
    Raises ConfigurationError for a folder that is none.
    """

    def __init__(self, folders: Iterable[Path], wait: float, limit: float = HDF5_TIMEOUT) -> None:
        self._folders = [folder.expanduser().resolve() for folder in folders]
        for folder in self._folders:
            if not folder.is_dir():
                raise ConfigurationError(f"data={folder}: no such folder")
        self._wait = wait
        self._hdf5 = Hdf5Reader(limit)
        self._readers: dict[str, Callable[[Path, Reference], Any]] = {
            "application/x-hdf5": self._hdf5.rows,
            SERIES: read_image,
        }
        self._given_up = Recent(1000)
        """Files that were waited for in vain."""

    def complete(self, event: Unfilled) -> PatternReceived | PatternRefused:
        """Read what `event` refers to. Blocks."""
        try:
            values = {key: self._array(r) for key, r in event.references.items()}
            beside = None
            if event.axis_from:
                reference = event.references[event.axis_from]
                beside = self._patiently(reference, lambda path: self._hdf5.beside(path, reference))
            return PatternReceived(event.complete(values, beside))
        except PatternError as error:
            return PatternRefused(event.origin, error, event.metadata)

    def close(self) -> None:
        """End what reads HDF5. Safe to call twice; what is asked later starts it again."""
        self._hdf5.close()

    def _array(self, reference: Reference) -> Any:
        return self._patiently(
            reference, lambda path: self._readers[reference.mimetype](path, reference)
        )

    def _patiently(self, reference: Reference, read: Callable[[Path], T]) -> T:
        if reference.mimetype not in self._readers:
            said = reference.mimetype or reference.spec or "nothing"
            remedy = "HDF5 (application/x-hdf5, AD_HDF5) and series of TIFF and CBF are read"
            raise PatternError("external data", f"{reference.uri!r:.200} is {said}", remedy)
        until, pause = time.monotonic() + self._wait, _LOOK
        while True:
            # Asked anew each time: what a link leads to may change while it is waited for.
            path = confined(reference.uri, self._folders)
            name = os.fspath(path)
            try:
                value = read(path)
            except NotYetError as error:
                if name in self._given_up or time.monotonic() >= until:
                    raise self._late(reference, name, error) from None
                time.sleep(pause)
                pause = min(1.5 * pause, _LONGEST_LOOK)
            else:
                self._given_up.discard(name)
                return value

    def _late(self, reference: Reference, name: str, error: NotYetError) -> PatternError:
        waited = "" if name in self._given_up else f" after {self._wait:g} s"
        self._given_up.add(name)
        return PatternError(
            "external data",
            f"{name}: {error}{waited}",
            "let the file writer flush each frame (SWMR), or wait longer with ?data_wait=",
        )
