"""Documents handed over by a RunEngine in this process, as a source of the service."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import PatternError
from ..integration import Integrator
from ..sources import Message, PatternRefused, RunStopped
from ..sources._assembler import Assembler, PatternKeys
from ..sources._external import filled
from ._waker import Waker

_Item = tuple[str, Mapping[str, Any], int, str]
"""Name, document, bytes, and why its arrays were let go ('' where they were not)."""
_EVENTS = ("event", "event_page")


class DocumentSource:
    """A bounded queue between the RunEngine's thread and the service's.

    `put` never waits. An event that finds the queue full (of `size` documents or `max_bytes`)
    loses its arrays and is answered ``refused``: its place in the run and its motors are kept.
    finished: called, on the service's thread, with the uid of a raw run that has ended and had no
    patterns.
    """

    name = "runengine"

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        keys: PatternKeys,
        wavelength: float | None,
        size: int,
        max_bytes: int,
        finished: Callable[[str], None],
        integrator: Integrator | None = None,
    ) -> None:
        self.overflowed = 0
        """Events whose arrays were let go."""
        self._size = size
        self._max_bytes = max_bytes
        self._finished = finished
        self._assembler = Assembler(keys, "runengine", "", wavelength, integrator=integrator)
        self._items: deque[_Item] = deque()
        self._bytes = 0
        self._lock = threading.Lock()
        self._arrived = asyncio.Event()
        self._waker = Waker(loop, self._arrived)
        self._closed = False
        self._ending: set[str] = set()
        """Raw runs whose stop document was read and of which no more is known."""

    def put(self, name: str, document: Mapping[str, Any]) -> None:
        """Hand over one document; from any thread."""
        size, why = _size(document), ""
        with self._lock:
            full = len(self._items) >= self._size or self._bytes + size > self._max_bytes
            if full and name in _EVENTS:
                limit = f"{self._size} documents or {self._max_bytes >> 20} MiB"
                why = f"full, {limit} may wait"
                document, size = _thin(document), 0
                self.overflowed += 1
            elif size:
                document = _copied(document)
            self._items.append((name, document, size, why))
            self._bytes += size
        self._waker.wake()

    async def __aiter__(self) -> AsyncIterator[Message]:
        while True:
            messages = self._next()
            if messages is None:
                if self._closed:
                    break
                self._arrived.clear()
                await self._wait()
                messages = self._assembler.expire()
            async for message in filled(None, messages):
                yield message
            self._settle(messages)
        async for message in filled(None, self._assembler.finish()):
            yield message

    async def close(self) -> None:
        """End the iteration once what was handed over is read. Safe to call twice."""
        self._closed = True
        self._arrived.set()
        self._waker.close()

    def _next(self) -> list[Message] | None:
        with self._lock:
            if not self._items:
                return None
            name, document, size, why = self._items.popleft()
            self._bytes -= size
        if name == "stop":
            self._ending.add(str(document.get("run_start")))
        messages = self._assembler.feed(name, document)
        return [_overflow(message, why) for message in messages] if why else messages

    def _settle(self, messages: list[Message]) -> None:
        """Say so of runs that have ended and gave no run to the service."""
        self._ending -= {m.run_uid for m in messages if isinstance(m, RunStopped)}
        if self._ending and self._assembler.deadline is None:
            for uid in self._ending:
                self._finished(uid)
            self._ending.clear()

    async def _wait(self) -> None:
        with self._lock:
            if self._items:
                return
        deadline = self._assembler.deadline
        patience = None if deadline is None else max(0.0, deadline - time.monotonic()) + 1e-3
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._arrived.wait(), patience)


def _size(document: Mapping[str, Any]) -> int:
    """Bytes of the arrays in an event's data."""
    data = document.get("data")
    if not isinstance(data, Mapping):
        return 0
    return sum(value.nbytes for value in data.values() if isinstance(value, np.ndarray))


def _copied(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """With arrays of its own: a detector may fill its buffer again before this one is read."""
    data = {
        key: value.copy() if isinstance(value, np.ndarray) else value
        for key, value in document["data"].items()
    }
    return {**document, "data": data}


def _thin(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Without arrays, so that what waits stays small however long it waits."""
    kept = {
        key: value
        for key, value in document.get("data", {}).items()
        if not isinstance(value, np.ndarray)
        and not (isinstance(value, list | tuple) and any(np.ndim(v) for v in value[:1]))
        and not (isinstance(value, list | tuple) and len(value) > 64)
    }
    return {**document, "data": kept}


def _overflow(message: Message, why: str) -> Message:
    if not isinstance(message, PatternRefused):
        return message
    remedy = "take fewer events a second, or raise queue_size"
    return replace(message, error=PatternError("queue", why, remedy))
