"""The file: SQLite with a write-ahead log. Used from one thread at a time; blocks."""

from __future__ import annotations

import logging
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from time import time
from typing import Any

from ...errors import ConfigurationError, PatternError
from ...pattern import Origin
from ...sources import PatternRefused
from ...wire import decode_value, encode_value
from ._arrays import Arrays
from ._codec import event_of, event_value
from ._records import Batch, Event, KeptRun, Key

log = logging.getLogger(__name__)

FILE = "spool.db"
_VERSION = 1
_CLOSED_KEPT = 1000
"""Closed runs whose uid is remembered; the oldest are forgotten first."""
_SCHEMA = f"""
CREATE TABLE identity (value TEXT NOT NULL);
CREATE TABLE runs (
    uid TEXT PRIMARY KEY, began BLOB, documents BLOB, state BLOB, closed REAL
) WITHOUT ROWID;
CREATE INDEX runs_closed ON runs (closed) WHERE closed IS NOT NULL;
CREATE TABLE memories (
    id INTEGER PRIMARY KEY, run TEXT NOT NULL, source TEXT, name TEXT, document BLOB
);
CREATE INDEX memories_run ON memories (run);
CREATE TABLE arrays (id INTEGER PRIMARY KEY, run TEXT NOT NULL, value BLOB);
CREATE INDEX arrays_run ON arrays (run);
CREATE TABLE events (
    id INTEGER PRIMARY KEY, run TEXT NOT NULL, descriptor TEXT, seq_num INTEGER,
    arrived REAL NOT NULL, message BLOB NOT NULL
);
CREATE INDEX events_run ON events (run);
PRAGMA user_version = {_VERSION};
"""
_IDENTIFY = "INSERT INTO identity VALUES (lower(hex(randomblob(16))));"
_UPSERT = """
INSERT INTO runs (uid, began, documents, state, closed)
VALUES (:uid, :began, :documents, :state, NULL)
ON CONFLICT (uid) DO UPDATE SET
    began = coalesce(:began, began), documents = coalesce(:documents, documents),
    state = coalesce(:state, state), closed = NULL
"""


class Store:
    """The spool in `folder`, for this process alone.

    Raises ConfigurationError when it cannot be made, is in use, or is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._connection = sqlite3.connect(
                self.path, timeout=1.0, isolation_level=None, check_same_thread=False
            )
            self._open()
        except (OSError, sqlite3.Error) as error:
            raise ConfigurationError(f"spool={folder}: {_remedy(error)}") from None
        self._arrays = Arrays(self._connection)

    def _open(self) -> None:
        run = self._connection.execute
        run("PRAGMA page_size = 8192")
        self._page = run("PRAGMA page_size").fetchone()[0]
        # One service a spool; and without other readers the log needs no shared memory.
        run("PRAGMA locking_mode = EXCLUSIVE")
        run("PRAGMA journal_mode = WAL")
        # Each transaction is on the disk before its events count as accepted: NORMAL would lose
        # the last ones with the power.
        run("PRAGMA synchronous = FULL")
        run(f"PRAGMA journal_size_limit = {64 << 20}")
        version = run("PRAGMA user_version").fetchone()[0]
        if version == 0:
            self._connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} {_IDENTIFY} COMMIT;")
        elif version != _VERSION:
            raise sqlite3.DatabaseError(f"version {version}, and {_VERSION} is read")
        # The lock is taken with the first write and kept.
        run("BEGIN IMMEDIATE")
        run("COMMIT")

    @property
    def identity(self) -> str:
        """Made with the file."""
        return self._connection.execute("SELECT value FROM identity").fetchone()[0]

    @property
    def used(self) -> int:
        """Bytes of the file that hold something."""
        run = self._connection.execute
        pages, free = (
            run(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count")
        )
        return (pages - free) * self._page

    @property
    def last_event(self) -> int:
        """The highest number an event has."""
        return self._connection.execute("SELECT max(id) FROM events").fetchone()[0] or 0

    def write(self, batch: Batch) -> int:
        """All of `batch` or nothing of it; returns `used`. Raises sqlite3.Error or OSError."""
        run = self._connection.execute
        run("BEGIN IMMEDIATE")
        try:
            self._write(batch)
            run("COMMIT")
        except BaseException:
            self._arrays.forget()
            if self._connection.in_transaction:
                run("ROLLBACK")
            raise
        return self.used

    def _write(self, batch: Batch) -> None:
        many = self._connection.executemany
        self._connection.executemany(
            _UPSERT,
            [
                {
                    "uid": row.uid,
                    "began": _encoded(row.began),
                    "documents": _encoded(row.documents),
                    "state": _encoded(row.state),
                }
                for row in batch.runs
            ],
        )
        many(
            "INSERT INTO memories (run, source, name, document) VALUES (?, ?, ?, ?)",
            [(run, source, name, encode_value(doc)) for run, source, name, doc in batch.memories],
        )
        many("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)", self._event_rows(batch))
        many("DELETE FROM events WHERE id = ?", [(number,) for number in batch.done])
        for uid in (*batch.closed, *batch.forgotten):
            for table in ("events", "memories", "arrays"):
                self._connection.execute(f"DELETE FROM {table} WHERE run = ?", (uid,))  # noqa: S608
            self._arrays.forget(uid)
        many("DELETE FROM runs WHERE uid = ?", [(uid,) for uid in batch.forgotten])
        if batch.closed:
            now = time()
            many(
                "INSERT OR REPLACE INTO runs (uid, closed) VALUES (?, ?)",
                [(uid, now) for uid in batch.closed],
            )
            self._connection.execute(
                "DELETE FROM runs WHERE uid IN (SELECT uid FROM runs WHERE closed IS NOT NULL "
                "ORDER BY closed DESC LIMIT -1 OFFSET ?)",
                (_CLOSED_KEPT,),
            )

    def _event_rows(self, batch: Batch) -> Iterator[tuple[Any, ...]]:
        for row in batch.events:
            value = event_value(row.message, lambda array: self._arrays.put(row.run_uid, array))  # noqa: B023
            _, _, _, descriptor, _, seq_num, _ = value["origin"]
            yield row.id, row.run_uid, descriptor, seq_num, row.arrived, encode_value(value)

    def events_after(self, number: int, most: int) -> list[tuple[int, str, float, Event]]:
        """Number, run, arrival and message of the next open events."""
        rows = self._connection.execute(
            "SELECT id, run, arrived, message, descriptor, NULL, seq_num FROM events "
            "WHERE id > ? ORDER BY id LIMIT ?",
            (number, most),
        )
        return [
            (id_, run, arrived, self._event(message, Origin("spool", "", run, *key)))
            for id_, run, arrived, message, *key in rows
        ]

    def _event(self, message: bytes, origin: Origin) -> Event:
        """The event; refused where it cannot be read back, so that it is answered all the same."""
        try:
            return event_of(decode_value(message), self._arrays.get)
        except Exception as error:
            log.exception("%s: cannot be read back", origin)
            value = f"cannot be read back ({type(error).__name__} {error})"
            return PatternRefused(origin, PatternError("spool", value, "check the disk"))

    def open_runs(self) -> list[KeptRun]:
        """Runs that are not closed, with everything but the messages of their events."""
        run = self._connection.execute
        memories = defaultdict[str, list[tuple[str, str, Any]]](list)
        for uid, source, name, document in run(
            "SELECT run, source, name, document FROM memories ORDER BY id"
        ):
            memories[uid].append((source, name, decode_value(document)))
        keys = defaultdict[str, list[Key]](list)
        for uid, descriptor, seq_num in run(
            "SELECT run, descriptor, seq_num FROM events ORDER BY id"
        ):
            keys[uid].append((descriptor, seq_num))
        rows = run("SELECT uid, began, documents, state FROM runs WHERE closed IS NULL")
        return [
            KeptRun(
                uid,
                *(decode_value(value) for value in values),
                memories=memories[uid],
                open_events=keys[uid],
            )
            for uid, *values in rows
        ]

    def closed_runs(self) -> list[str]:
        """Uids of runs that have ended, the oldest first."""
        rows = self._connection.execute(
            "SELECT uid FROM runs WHERE closed IS NOT NULL ORDER BY closed"
        )
        return [uid for (uid,) in rows]

    def close(self) -> None:
        """Close the file; what was written is in it."""
        self._connection.close()


def _encoded(value: Any) -> bytes | None:
    return None if value is None else encode_value(value)


def _remedy(error: Exception) -> str:
    if "locked" in str(error):
        return "in use by another service; give each a folder of its own"
    if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
        return f"damaged ({error}); move {FILE}* away to start without what they hold"
    return f"cannot be used: {error}"
