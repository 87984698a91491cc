"""Waiting for a file descriptor, without a future and three callbacks for every message."""

from __future__ import annotations

import asyncio


class Readable:
    """One descriptor that one task at a time waits for. Belongs to the loop that first waits.

    `zmq.asyncio` does the same with more ceremony, which every pattern would wait for.
    """

    def __init__(self, file: int) -> None:
        self._file = file
        self._loop: asyncio.AbstractEventLoop | None = None
        self._watched = False
        self._waiting: asyncio.Future[bool] | None = None

    async def wait(self, patience: float | None) -> bool:
        """True once something may be there or `close` was called; False after `patience` s."""
        self._loop = loop = asyncio.get_running_loop()
        if not self._watched:
            loop.add_reader(self._file, self._wake)
            self._watched = True
        self._waiting = loop.create_future()
        timer = None if patience is None else loop.call_later(patience, self._end, False)
        try:
            return await self._waiting
        finally:
            self._waiting = None
            if timer is not None:
                timer.cancel()

    def close(self) -> None:
        """End the waiting, for good. Safe to call twice."""
        self._unwatch()
        self._end(True)

    def _wake(self) -> None:
        if self._waiting is None:
            # Nobody is there to read it: not to be told of it again and again meanwhile.
            self._unwatch()
        self._end(True)

    def _end(self, readable: bool) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(readable)

    def _unwatch(self) -> None:
        if self._watched and self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(self._file)
        self._watched = False
