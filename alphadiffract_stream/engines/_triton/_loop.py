"""One event loop in a thread of its own for every Triton client of the process.

The clients may be used from one thread only, and gRPC wants one event loop a process; engines are
called from many threads and loops. It also keeps (de)serialising off the service's loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import Future
from functools import lru_cache
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")


class BackgroundLoop:
    """Runs coroutines for others until the process ends."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        Thread(target=self._loop.run_forever, name="triton", daemon=True).start()

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Start `work`; cancelling the future cancels it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Do `work` and wait for it. Not from a coroutine."""
        return self.submit(work).result()


@lru_cache(maxsize=1)
def background_loop() -> BackgroundLoop:
    """The one of this process, started when first asked for."""
    return BackgroundLoop()
