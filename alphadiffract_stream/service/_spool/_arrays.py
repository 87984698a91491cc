"""Arrays that the events of a run have in common, kept once."""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from typing import Any

from numpy.typing import NDArray

from ...wire import decode_value, encode_value

_COMPARED = 4
"""Arrays of a run that a new one is compared with."""
_READ = 16
"""Arrays that were read lately."""


class Arrays:
    """Writes an array unless the run has it already; reads it once for many events."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._written: dict[str, list[tuple[int, str, bytes]]] = {}
        self._read: OrderedDict[int, NDArray[Any]] = OrderedDict()

    def put(self, run_uid: str, array: NDArray[Any]) -> int:
        """Number of an array equal to `array`."""
        # Bytes are compared as they are, NaN included; a hash would cost more.
        dtype, content = array.dtype.str, array.tobytes()
        known = self._written.setdefault(run_uid, [])
        for number, *other in known:
            if other == [dtype, content]:
                return number
        cursor = self._connection.execute(
            "INSERT INTO arrays (run, value) VALUES (?, ?)", (run_uid, encode_value(array))
        )
        number = cursor.lastrowid or 0
        known.append((number, dtype, content))
        del known[:-_COMPARED]
        return number

    def get(self, number: int) -> NDArray[Any]:
        """The array of this number."""
        if number in self._read:
            self._read.move_to_end(number)
            return self._read[number]
        row = self._connection.execute("SELECT value FROM arrays WHERE id = ?", (number,))
        array: NDArray[Any] = decode_value(row.fetchone()[0])
        self._read[number] = array
        if len(self._read) > _READ:
            self._read.popitem(last=False)
        return array

    def forget(self, run_uid: str | None = None) -> None:
        """The run is closed; None: what was written last was taken back."""
        if run_uid is None:
            self._written.clear()
        else:
            self._written.pop(run_uid, None)
