"""Predictions by the exposure they answer, for whoever waits for one."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

Data = Mapping[str, Any]
"""The ``data`` of a prediction event."""
Exposure = tuple[str, int]
"""Raw run uid and raw seq_num."""

_KEPT = 1000


class Answers:
    """A callback for prediction documents that remembers the latest, and who waits for which.

    Subscribe it to whatever carries prediction documents. Thread-safe; takes documents of any
    number of runs, and passes over everything that is no prediction event.
    """

    def __init__(self) -> None:
        self.latest: Data | None = None
        """The latest answer, of whatever run."""
        self._lock = threading.Lock()
        self._kept: OrderedDict[Exposure, Data] = OrderedDict()
        self._waiting: dict[Exposure, list[Future[Data]]] = {}
        self._listeners: list[Callable[[Data], None]] = []

    def __call__(self, name: str, document: Mapping[str, Any]) -> None:
        """Take one document."""
        data = document.get("data") if name == "event" else None
        if not isinstance(data, Mapping) or "raw_run_uid" not in data:
            return
        exposure = str(data["raw_run_uid"]), int(data["raw_seq_num"])
        with self._lock:
            self.latest = data
            self._kept[exposure] = data
            self._kept.move_to_end(exposure)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
            waiting = self._waiting.pop(exposure, [])
        for future in waiting:
            if future.set_running_or_notify_cancel():
                future.set_result(data)
        for listener in list(self._listeners):
            listener(data)

    def of(self, run_uid: str, seq_num: int) -> Future[Data]:
        """The answer to one exposure, now or when it comes. Cancel the future to stop waiting."""
        future: Future[Data] = Future()
        exposure = run_uid, seq_num
        with self._lock:
            if (data := self._kept.get(exposure)) is None:
                waiting = self._waiting.setdefault(exposure, [])
                waiting[:] = [f for f in waiting if not f.cancelled()]
                waiting.append(future)
                return future
        future.set_result(data)
        return future

    def subscribe(self, listener: Callable[[Data], None]) -> None:
        """Call `listener` with every answer, in the thread that brings it."""
        self._listeners.append(listener)
