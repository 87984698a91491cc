"""Prediction documents handed to the user's callbacks, in one thread of their own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

Publish = Callable[[str, dict[str, Any]], Any]

log = logging.getLogger(__name__)


class CallbackSink:
    """A sink that calls functions ``(name, document)``, one document at a time, in order.

    All in the thread ``alphadiffract-publish``: never the RunEngine's, so that a slow data base
    holds up no plan. A function that raises is logged and counted; the others are still called.
    finished: called with the uid of the raw run after its prediction run's stop document.
    """

    name = "callbacks"

    def __init__(self, publish: Sequence[Publish], finished: Callable[[str], None]) -> None:
        self.errors = 0
        self._publish = publish
        self._finished = finished
        self._raw: dict[str, str] = {}
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="alphadiffract-publish")

    async def emit(self, name: str, document: Mapping[str, Any]) -> None:
        """Call every function with one document."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._executor, self._call, name, document)

    async def close(self) -> None:
        """Let the call in hand end."""
        await asyncio.to_thread(self._executor.shutdown)

    def _call(self, name: str, document: Mapping[str, Any]) -> None:
        for publish in self._publish:
            try:
                publish(name, dict(document))
            except Exception:
                self.errors += 1
                log.exception("%r did not take a %s document", publish, name)
        if name == "start":
            self._raw[document["uid"]] = document["parents"][0]
        elif name == "stop":
            self._finished(self._raw.pop(document["run_start"], ""))
