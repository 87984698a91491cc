"""Fetches what is missing of a run, from where its documents were kept, before it is closed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from time import monotonic

from ..pattern import Origin
from ..sources import Message, PatternReceived, PatternRefused, RunStopped
from ._archive import Archive, end
from ._metrics import Metrics
from ._run import Run
from ._sequencer import BACKFILL
from ._spool import Event
from ._tasks import cancel

log = logging.getLogger(__name__)

Take = Callable[[Event, Origin], Awaitable[None]]
"""Accepts one event, as if it had just come."""

_RUNS = 4
"""That are fetched at once."""
_PAUSE = 0.5
"""s before the second try; then twice as long each time, within a quarter of `patience`."""


class Backfill:
    """Gives each run that would close with events missing one chance to get them.

    patience: s without anything new from the archive, after which the rest stays missing.
    """

    def __init__(
        self, archive: Archive | None, take: Take, metrics: Metrics, patience: float
    ) -> None:
        self._archive = archive
        self._take = take
        self._metrics = metrics
        self._patience = patience
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._done: set[str] = set()
        self._room = asyncio.Semaphore(_RUNS)
        self._stopping = asyncio.Event()
        self._limits: set[asyncio.Timeout] = set()

    def fills(self, run: Run) -> bool:
        """Whether what is missing of `run` is being fetched, which the first call begins."""
        if self._archive is None or self._stopping.is_set() or run.uid in self._done:
            return False
        if run.uid not in self._tasks:
            self._tasks[run.uid] = asyncio.create_task(self._fill(run, self._archive))
        return True

    def cut_short(self, run: Run) -> bool:
        """Whether the service ends before all was tried for `run`."""
        return self._archive is not None and self._stopping.is_set() and run.uid not in self._done

    def forget(self, run: Run) -> None:
        """The run is closed."""
        self._done.discard(run.uid)
        self._tasks.pop(run.uid, None)

    def stop(self) -> None:
        """Fetch no more; what was fetched is still taken."""
        self._stopping.set()
        for limit in self._limits:
            if not limit.expired():
                limit.reschedule(0)

    async def close(self) -> None:
        """End at once."""
        await cancel(self._tasks.values())

    async def _fill(self, run: Run, archive: Archive) -> None:
        extra = {"run_uid": run.uid}
        async with self._room:
            missing = run.account.missing
            log.info("run %s: %d missing events are fetched", run.uid, missing, extra=extra)
            trouble = await self._fetch(run, archive)
        if left := run.account.missing:
            log.warning("run %s: %d events stay missing: %s", run.uid, left, trouble, extra=extra)
        if not self._stopping.is_set():
            self._done.add(run.uid)
            run.advance()

    async def _fetch(self, run: Run, archive: Archive) -> str:
        """Try until nothing is missing or nothing more is to be had; then say why."""
        most, pause = 0, min(_PAUSE, self._patience / 4)
        until = monotonic() + self._patience
        while True:
            count, source, messages = 0, None, None
            try:
                source = archive(run.uid)
                if recall := getattr(source, "recall", None):
                    recall(())  # so that only a stop document stops the run
                messages = aiter(source)
                trouble = "the archive has no more of it yet"
                while message := await self._next(messages, until):
                    await self._offer(run, message)
                    if not run.account.missing:
                        return ""
                    if isinstance(message, RunStopped):
                        return "the archive has the whole run, without them"
                    count += 1
                    if count > most:  # not what an earlier try gave, too
                        most, until = count, monotonic() + self._patience
                    await asyncio.sleep(0)
            except Exception as error:
                trouble = str(error) or getattr(source, "trouble", "")
                trouble = trouble or f"nothing new within {self._patience:g} s"
            finally:
                await end(source, messages)
            if self._stopping.is_set():
                return "the service was stopped"
            if monotonic() + pause > until:
                return trouble
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)
            pause = min(2 * pause, self._patience / 4)

    async def _next(self, messages: AsyncIterator[Message], until: float) -> Message | None:
        left = 0.0 if self._stopping.is_set() else max(0.0, until - monotonic())
        async with asyncio.timeout(left) as limit:
            self._limits.add(limit)
            try:
                return await anext(messages, None)
            finally:
                self._limits.discard(limit)

    async def _offer(self, run: Run, message: Message) -> None:
        match message:
            case PatternReceived(pattern):
                origin = pattern.origin
            case PatternRefused(origin):
                pass
            case _:
                return
        if origin.run_uid != run.uid or not run.account.lacks(origin.seq_num):
            return
        origin = replace(origin, transport=BACKFILL)
        if isinstance(message, PatternReceived):
            message = PatternReceived(replace(message.pattern, origin=origin))
        else:
            message = replace(message, origin=origin)
        self._metrics.backfilled += 1
        await self._take(message, origin)
