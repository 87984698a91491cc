"""A run that Tiled keeps, as the documents it was made of; blocking."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

log = logging.getLogger(__name__)

Named = tuple[str, dict[str, Any]]

_TIME_OF = "ts_"
"""Before the name of a data key, in the name of the column of its time stamps."""


class TiledRun:
    """Gives what is new of one run each time it is asked, until the stop document.

    The data are read through the server, which finds external files by itself: every event
    comes whole. Tiled keeps no uids of events; ours name descriptor and seq_num.
    """

    def __init__(self, uid: str, rows: int) -> None:
        """rows: of one request."""
        self.uid = uid
        self.stopped = False
        self._rows = rows
        self.begun = False
        self._read: dict[str, int] = {}
        """Rows already read, by stream."""

    def documents(self, run: Any) -> Iterator[Named]:
        """New documents; `run` is a client of the run, fetched anew for every call."""
        metadata = run.metadata
        # Before the rows are: what is read after a stop document was there is all there is.
        stop = metadata.get("stop")
        if not self.begun:
            self.begun = True
            yield "start", dict(metadata["start"])
        for name in list(run):
            stream = run[name]
            if "data_keys" in stream.metadata:
                yield from self._stream(name, stream)
        if stop:
            self.stopped = True
            yield "stop", dict(stop)

    def _stream(self, name: str, stream: Any) -> Iterator[Named]:
        metadata = dict(stream.metadata)
        uid = metadata.get("uid") or f"{self.uid}/{name}"
        columns = set(stream)
        keys = {key: spec for key, spec in metadata["data_keys"].items() if key in columns}
        if not keys:
            return  # no rows yet: Tiled makes the columns of a stream with the first
        if name not in self._read:
            self._read[name] = 0
            yield "descriptor", _descriptor(self.uid, name, uid, metadata, keys)
        numbered = [key for key in ("seq_num", "time") if key in columns]
        clients = {key: stream[key] for key in (*numbered, *keys)}
        length = min((client.shape[0] for client in clients.values()), default=0)
        times = {key: stream[_TIME_OF + key] for key in keys if _TIME_OF + key in columns}
        while (first := self._read[name]) < length:
            last = min(first + self._rows, length)
            rows = {key: client[first:last] for key, client in clients.items()}
            stamps = {key: client[first:last] for key, client in times.items()}
            self._read[name] = last
            for i in range(last - first):
                yield "event", _event(uid, first + i, i, rows, stamps, keys, metadata)


def _descriptor(
    run_uid: str, name: str, uid: str, metadata: Mapping[str, Any], keys: Mapping[str, Any]
) -> dict[str, Any]:
    inside = ({k: v for k, v in spec.items() if k != "external"} for spec in keys.values())
    return {
        "uid": uid,
        "run_start": run_uid,
        "name": name,
        "time": metadata.get("time", 0.0),
        "data_keys": dict(zip(keys, inside, strict=True)),
        "configuration": metadata.get("configuration") or {},
        "hints": metadata.get("hints") or {},
    }


def _event(
    descriptor: str,
    row: int,
    i: int,
    rows: Mapping[str, Any],
    stamps: Mapping[str, Any],
    keys: Mapping[str, Any],
    metadata: Mapping[str, Any],
) -> dict[str, Any]:
    seq_num = int(rows["seq_num"][i]) if "seq_num" in rows else row + 1
    return {
        "uid": f"{descriptor}/{seq_num}",
        "descriptor": descriptor,
        "seq_num": seq_num,
        "time": float(rows["time"][i] if "time" in rows else metadata.get("time", 0.0)),
        "data": {key: _plain(rows[key][i]) for key in keys},
        "timestamps": {key: _plain(column[i]) for key, column in stamps.items()},
    }


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    return value
