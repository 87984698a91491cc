"""Waking an event loop from a thread that must not be held up by it."""

from __future__ import annotations

import asyncio
import threading
from queue import SimpleQueue


class Waker:
    """Sets an event of a loop, from any thread, at once and without giving the interpreter away.

    ``call_soon_threadsafe`` writes to a socket, and to do so lets go of the interpreter. Whoever
    has it then keeps it for up to ``sys.getswitchinterval()``, 5 ms, in which a plan would stand
    still. Here a thread of its own does that.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, event: asyncio.Event) -> None:
        self._loop = loop
        self._event = event
        self._knocks: SimpleQueue[bool] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="alphadiffract-waker", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Set the event soon."""
        self._knocks.put(True)

    def close(self) -> None:
        """End the thread, soon. Safe to call twice."""
        self._knocks.put(False)

    def _run(self) -> None:
        while self._knocks.get():
            while not self._knocks.empty():  # one knock is as good as many
                if not self._knocks.get():
                    return
            try:
                self._loop.call_soon_threadsafe(self._event.set)
            except RuntimeError:  # the loop has ended; nobody waits any more
                return
