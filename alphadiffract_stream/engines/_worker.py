"""One thread that runs batches for an event loop, with as little as possible in between.

What `run_in_executor` does besides (a second future, its lock, a count of idle threads) every
pattern would wait for, twice, with cold caches.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

T = TypeVar("T")
A = TypeVar("A")

_Item = tuple[Any, asyncio.AbstractEventLoop, "asyncio.Future[Any]"]


class Worker(Generic[A, T]):
    """Calls `work` in a thread of its own, one argument after another, in order.

    The thread starts with the first argument and ends with `close`, or with the process.
    """

    def __init__(self, work: Callable[[A], T], name: str) -> None:
        self._work = work
        self._items: SimpleQueue[_Item | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._started = False
        self._last: asyncio.Future[T] | None = None

    @property
    def busy(self) -> bool:
        """Whether anybody still waits for the last thing submitted."""
        return self._last is not None and not self._last.done()

    def submit(self, argument: A) -> asyncio.Future[T]:
        """What becomes of ``work(argument)``, for the running loop; cancelled ones are skipped."""
        loop = asyncio.get_running_loop()
        future = self._last = loop.create_future()
        if not self._started:
            self._started = True
            self._thread.start()
        self._items.put((argument, loop, future))
        return future

    def close(self) -> None:
        """Let everything submitted be done, then end the thread. Blocks. Safe to call twice."""
        self._items.put(None)
        if self._started:
            self._thread.join()

    def _run(self) -> None:
        while (item := self._items.get()) is not None:
            argument, loop, future = item
            if future.cancelled():
                continue
            result, error = None, None
            try:
                result = self._work(argument)
            except BaseException as caught:
                error = caught
            try:
                loop.call_soon_threadsafe(_settle, future, result, error)
            except RuntimeError:  # the loop has ended; nobody waits any more
                continue


def _settle(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
