"""One sink and its own queue, so that a slow or broken sink never holds up or breaks another."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from time import monotonic
from typing import Any

from ..sinks import Sink
from ._metrics import Metrics

log = logging.getLogger(__name__)

_HANGS = 3
"""Time-outs in a row after which a sink is left alone for a while."""
_PAUSE = 30.0
"""s. Meanwhile its documents are counted as lost, and the other sinks are not slowed down."""

Delivered = Callable[[], None]
_Item = tuple[str, Mapping[str, Any], Delivered | None]


class Outlet:
    """Emits documents to one sink, in order. What the sink does not take is counted and logged."""

    def __init__(self, sink: Sink, metrics: Metrics, timeout: float) -> None:
        self.name = sink.name
        self.trouble = ""
        """What became of the last document, where it was not taken."""
        self._sink = sink
        self._metrics = metrics
        self._timeout = timeout
        self._queue: asyncio.Queue[_Item] = asyncio.Queue()
        self._hangs = 0
        self._paused_until = 0.0
        self._undone = 0
        """Documents in the queue or on their way from it."""
        self._emit_now = getattr(sink, "emit_now", None)

    def put(self, name: str, document: Mapping[str, Any], delivered: Delivered | None) -> None:
        """Send one document at once if nothing is before it and the sink needs no wait for it; else
        queue it. `delivered` is called once it is sent or lost.
        """
        if not self._sent_now(name, document):
            self._undone += 1
            self._queue.put_nowait((name, document, delivered))
        elif delivered is not None:
            delivered()

    def _sent_now(self, name: str, document: Mapping[str, Any]) -> bool:
        if self._emit_now is None or self._undone or monotonic() < self._paused_until:
            return False
        try:
            if not self._emit_now(name, document):
                return False
        except Exception as error:
            self._lost(f"{name} {document.get('uid', '')}", error)
            return True
        self._taken()
        return True

    def recall(self, documents: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        """Documents of an open run the sink had from the service before this one."""
        if recall := getattr(self._sink, "recall", None):
            for name, document in documents:
                try:
                    recall(name, document)
                except Exception as error:
                    self._lost(f"{name} {document.get('uid', '')}, again", error)

    @property
    def waiting(self) -> int:
        """Documents not handed to the sink yet."""
        return self._queue.qsize()

    async def run(self) -> None:
        """Serve until cancelled."""
        while True:
            name, document, delivered = await self._queue.get()
            try:
                await self._emit(name, document)
            finally:
                self._undone -= 1
                if delivered is not None:
                    delivered()
                self._queue.task_done()

    async def flush(self) -> None:
        """Until everything put in is sent or lost."""
        await self._queue.join()

    async def close(self) -> None:
        """Close the sink; an error is logged and counted."""
        try:
            async with asyncio.timeout(self._timeout):
                await self._sink.close()
        except Exception as error:
            self._lost("closing", error)

    async def _emit(self, name: str, document: Mapping[str, Any]) -> None:
        if monotonic() < self._paused_until:
            self._metrics.sink_errors[self.name] += 1
            return
        try:
            async with asyncio.timeout(self._timeout):
                await self._sink.emit(name, document)
            self._taken()
        except TimeoutError as error:
            self._hangs += 1
            self._lost(f"{name} {document.get('uid', '')}", error)
            if self._hangs >= _HANGS:
                log.error("sink %s hangs: left alone for %g s", self.name, _PAUSE)
                self._paused_until = monotonic() + _PAUSE
                self._hangs = _HANGS - 1
        except Exception as error:
            self._lost(f"{name} {document.get('uid', '')}", error)

    def _taken(self) -> None:
        self._hangs = 0
        self.trouble = ""

    def _lost(self, what: str, error: Exception) -> None:
        self._metrics.sink_errors[self.name] += 1
        self.trouble = str(error) or type(error).__name__
        log.error("sink %s: %s: %s", self.name, what, self.trouble)
