"""The spool as the service sees it: kept in batches by a thread, read back when there is room."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import time
from typing import Any

from ...errors import ConfigurationError
from .._metrics import Metrics
from ._changes import Changes, Keepable
from ._entry import Entry, size_of
from ._records import Batch, Event, KeptRun
from ._store import Store

log = logging.getLogger(__name__)

_UNWRITTEN = 32 << 20
"""Bytes of events that may wait to be written; beyond, sources are held back."""
_TRANSACTION = 8 << 20
"""Bytes of events in one transaction."""
_RELIEVED = 0.8
"""Share of the size below which a spool that was full is told to have room again."""
_READ = 32
"""Events read back at once."""
_LAZY = 0.02
"""s until it is written that events are answered; dying before means to answer them again."""
_PAUSE = 0.003
"""s between transactions, so that under load several events share one: it costs as much as they do
together (docs/reference/benchmarks.md)."""
_RETRY = 1.0
"""s between attempts to write to a disk that is full or broken."""


class Spool:
    """Accepted events, until they are answered. Only for use on one event loop.

    folder: made where it is not there. size: bytes of unanswered events, roughly; when it is full,
    `room` waits. Raises ConfigurationError when the folder cannot be used.

    An event counts as accepted for good once it is `kept`; `on_kept` is called whenever some are.
    A disk that cannot be written to is told (`trouble`), counted and tried again; meanwhile events
    are answered as they would be without a spool.
    """

    def __init__(self, folder: Path, size: int, metrics: Metrics) -> None:
        self.name = f"spool {folder}"
        self.trouble = ""
        self.backlog = 0
        """Events that wait on disk for room in memory."""
        self.unfinished = 0
        """Events kept and not answered."""
        self.on_kept: Callable[[], None] = lambda: None
        self._size = size
        self._metrics = metrics
        self._store = Store(folder)
        self._thread = ThreadPoolExecutor(1, "spool")
        self._next = self._store.last_event + 1
        self._used = self._store.used
        self._cursor = 0
        """The last event that was taken from the backlog."""
        self._new: deque[Entry] = deque()
        self._unwritten = 0
        self._changes = Changes()
        self._read: deque[tuple[Entry, Event]] = deque()
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._waiting = asyncio.Event()
        """Set while there is a backlog."""
        self._writing = asyncio.Lock()
        self._told_full = False
        self._is_closed = False
        self._lazy: asyncio.TimerHandle | None = None

    @property
    def identity(self) -> str:
        """Of this spool, the same after a restart."""
        return self._store.identity

    @property
    def used(self) -> int:
        """Bytes of the file that hold something, as the last transaction left it."""
        return self._used

    # --- what was there ------------------------------------------------------------------------

    def open_runs(self) -> list[KeptRun]:
        """Runs that go on; their open events are the backlog. To be called once, at the start.

        Raises ConfigurationError where the file is damaged.
        """
        try:
            runs = self._store.open_runs()
        except Exception as error:
            raise ConfigurationError(f"{self.name}: cannot be read: {error}") from None
        self._changes.held |= {run.uid for run in runs}
        self.unfinished = self.backlog = sum(len(run.open_events) for run in runs)
        if self.backlog:
            self._waiting.set()
        return runs

    def closed_runs(self) -> list[str]:
        """Uids of runs that have ended, the oldest first."""
        return self._store.closed_runs()

    # --- what is to be kept --------------------------------------------------------------------

    async def room(self) -> None:
        """Wait until one more event may be kept."""
        while not self._has_room():
            if not self._told_full and self._used + self._unwritten >= self._size:
                self._told_full = True
                log.warning(
                    "%s: full (%d MiB, %d events unanswered): sources are held back",
                    *(self.name, self._size >> 20, self.unfinished),
                )
            self._room.clear()
            self._wake.set()
            await self._room.wait()

    def keep(self, run_uid: str, message: Event, *, parked: bool) -> Entry:
        """Keep one event. parked: it is to be read back (`next`), not answered right now."""
        entry = Entry(self._next, run_uid, time(), size_of(message), message)
        entry.kept = bool(self.trouble)
        self._next += 1
        if parked:
            if not self.backlog:
                self._cursor = entry.id - 1
            self.backlog += 1
            self._waiting.set()
        self._new.append(entry)
        self._unwritten += entry.size
        self.unfinished += 1
        self._wake.set()
        return entry

    def done(self, entry: Entry, run: Keepable) -> None:
        """This event is answered, and every sink has had the answer."""
        entry.done = True
        entry.message = None
        self._changes.answered(entry)
        self.unfinished -= 1
        self.touch(run)

    def touch(self, run: Keepable, *, documents: bool = False) -> None:
        """Something about `run` has changed, `documents` among it."""
        self._changes.touch(run, documents=documents)
        # Nobody waits for this: a little later it shares its transaction with others.
        if self._lazy is None:
            self._lazy = asyncio.get_running_loop().call_later(_LAZY, self._hurry)

    def _hurry(self) -> None:
        self._lazy = None
        self._wake.set()

    def remember(self, run_uid: str, source: str, name: str, document: Mapping[str, Any]) -> None:
        """Keep what the run's source must be told again."""
        self._changes.remember(run_uid, source, name, document)
        self._wake.set()

    def close_run(self, run_uid: str) -> None:
        """The run has ended, and every sink has its last document."""
        self._changes.close(run_uid)
        self._wake.set()

    def forget(self, run_uid: str) -> None:
        """Somebody else goes on with the run."""
        self._changes.forget(run_uid)
        self._wake.set()

    def holds(self, run_uid: str) -> bool:
        """Whether the run is written; or cannot be, and nobody waits for it."""
        return run_uid in self._changes.held or bool(self.trouble)

    def unkept(self, run_uid: str) -> int:
        """Events of the run that are known to this process alone."""
        new = sum(not e.written and not e.done and e.run_uid == run_uid for e in self._new)
        return new + self._changes.unaccounted(run_uid)

    # --- what is to be answered ----------------------------------------------------------------

    async def wait(self) -> None:
        """Until there is a backlog."""
        await self._waiting.wait()

    async def next(self) -> tuple[Entry, Event]:
        """The oldest event of the backlog; there must be one."""
        while not self._read:
            self._read.extend(await self._read_back())
        entry, message = self._read.popleft()
        self._cursor = entry.id
        self.backlog -= 1
        if not self.backlog:
            self._waiting.clear()
        return entry, message

    async def _read_back(self) -> list[tuple[Entry, Event]]:
        cursor, loop = self._cursor, asyncio.get_running_loop()
        try:
            rows = await loop.run_in_executor(self._thread, self._store.events_after, cursor, _READ)
        except sqlite3.Error as error:
            self._fault("reading", error)
            await asyncio.sleep(_RETRY)
            rows = []
        if rows:
            return [
                (Entry(number, uid, arrived, 0, None, True, True), message)
                for number, uid, arrived, message in rows
            ]
        # Not written yet, or never to be: the disk may be full.
        for entry in self._new:
            if entry.id > cursor and entry.message is not None:
                return [(entry, entry.message)]
        return []

    # --- the writer ----------------------------------------------------------------------------

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            if await self.write():
                await asyncio.sleep(_PAUSE)
            else:
                await asyncio.sleep(_RETRY)
                self._wake.set()

    async def write(self) -> bool:
        """Write what there is to write; False where that failed."""
        async with self._writing:
            batch, entries = self._collect()
            loop = asyncio.get_running_loop()
            writing = loop.run_in_executor(self._thread, self._store.write, batch)
            try:
                # What was begun is waited for, or nobody would know whether it was written.
                used = await asyncio.shield(writing)
            except asyncio.CancelledError:
                try:
                    used = await writing
                except (sqlite3.Error, OSError) as error:
                    self._failed(batch, error)
                else:
                    self._written(batch, entries, used)
                raise
            except (sqlite3.Error, OSError) as error:
                self._failed(batch, error)
                return False
            self._written(batch, entries, used)
            return True

    async def close(self) -> None:
        """Write what is left and let go of the file. Safe to call twice."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._lazy is not None:
            self._lazy.cancel()
        while self._unsaved and await self.write():
            pass
        thread, store = self._thread, self._store
        await asyncio.get_running_loop().run_in_executor(thread, store.close)
        thread.shutdown()

    @property
    def _unsaved(self) -> bool:
        return bool(self._changes) or any(not (one.done or one.written) for one in self._new)

    def _collect(self) -> tuple[Batch, list[Entry]]:
        entries, size = [], 0
        for entry in self._new:
            if entry.done:
                continue
            entries.append(entry)
            size += entry.size
            if size >= _TRANSACTION:
                self._wake.set()
                break
        return self._changes.take(entries), entries

    def _written(self, batch: Batch, entries: list[Entry], used: int) -> None:
        self._used = used
        if self.trouble:
            log.info("%s: can be written to again", self.name)
            self.trouble = ""
        for entry in entries:
            entry.kept = entry.written = True
            entry.message = None
            if entry.done:  # while it was being written
                self._changes.answered(entry)
                self._wake.set()
        while self._new and (self._new[0].written or self._new[0].done):
            self._unwritten -= self._new.popleft().size
        if self._has_room():
            self._room.set()
        if self._told_full and used < _RELIEVED * self._size:
            log.info("%s: has room again", self.name)
            self._told_full = False
        if self._changes.written(batch) or entries:
            self.on_kept()

    def _failed(self, batch: Batch, error: Exception) -> None:
        """Everything is tried again; what waited to be kept is answered without."""
        self._changes.failed(batch)
        self._fault("writing", error)
        for entry in self._new:
            entry.kept = True
        while self._new and self._new[0].done:
            self._unwritten -= self._new.popleft().size
        if self._has_room():
            self._room.set()
        self.on_kept()

    def _fault(self, what: str, error: Exception) -> None:
        self._metrics.spool_errors += 1
        if not self.trouble:
            log.error(
                "%s: %s: %s; patterns are answered, but would not outlive this service; tried "
                "again every %g s",
                *(self.name, what, error, _RETRY),
            )
        self.trouble = str(error) or type(error).__name__

    def _has_room(self) -> bool:
        if self._unwritten >= _UNWRITTEN:
            return False
        return not self.unfinished or self._used + self._unwritten < self._size
