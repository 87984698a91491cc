"""New values of a detector's signal, each to be taken once."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import Any

_AMBIGUOUS = (
    "{0} patterns have come since the last prediction, and nothing says which is of this exposure; "
    "subscribe the device to the RunEngine (RE.subscribe(device.follow)), stop the live view, or "
    "use trigger_then_predict"
)


class AmbiguousExposure(RuntimeError):  # noqa: N818 - names what is the matter
    """More than one pattern came where one exposure was to give one."""


class Arrivals:
    """Counts updates of one signal, of ophyd or ophyd-async, and hands them out one by one.

    A detector that is triggered before the device may have its frame before it is asked for: one
    update that waits is this exposure's, and of two nobody can say.
    """

    def __init__(self, signal: Any) -> None:
        self._signal = signal
        self._lock = threading.Lock()
        self._waiting = 0
        self._wanted: Future[None] | None = None
        self._subscribed = False
        self._ignore_first = False
        if not hasattr(signal, "subscribe_reading"):  # ophyd-async subscribes on its event loop
            self.subscribe()

    def subscribe(self) -> None:
        """Begin to count; ophyd-async: on the RunEngine's event loop."""
        if self._subscribed:
            return
        self._subscribed = True
        if hasattr(self._signal, "subscribe_reading"):
            self._ignore_first = True  # it calls at once with the value it has
            self._signal.subscribe_reading(self._update)
        else:
            self._signal.subscribe(self._update, run=False)

    def unsubscribe(self) -> None:
        """End counting, for ophyd-async, whose subscriptions keep their signal's monitor alive."""
        if self._subscribed and hasattr(self._signal, "subscribe_reading"):
            self._signal.clear_sub(self._update)
            self._subscribed = False

    def reset(self) -> None:
        """What has come so far is of earlier exposures."""
        with self._lock:
            self._waiting = 0

    def next(self) -> Future[None]:
        """Done once this exposure's update is here.

        Fails with AmbiguousExposure where several have come.
        """
        future: Future[None] = Future()
        with self._lock:
            count, self._waiting = self._waiting, 0
            if self._wanted is not None:
                self._wanted.cancel()
            self._wanted = future if count == 0 else None
        if count == 1:
            future.set_result(None)
        elif count > 1:
            future.set_exception(AmbiguousExposure(_AMBIGUOUS.format(count)))
        return future

    def _update(self, *_: Any, **__: Any) -> None:
        with self._lock:
            if self._ignore_first:
                self._ignore_first = False
                return
            wanted, self._wanted = self._wanted, None
            if wanted is None:
                self._waiting += 1
        if wanted is not None and wanted.set_running_or_notify_cancel():
            wanted.set_result(None)
