"""Those who read the predictions: one who comes and goes, and one who is slow."""

from __future__ import annotations

import threading
from typing import Any

import zmq

from alphadiffract_stream.errors import DecodeError
from alphadiffract_stream.wire import decode_message

PREFIX = b"alphadiffract"


class Reader:
    """A SUB socket read by a thread; while `away` it has none, while `slow` it does not read."""

    def __init__(self, address: str, *, small: bool = False) -> None:
        self.documents: list[tuple[str, dict[str, Any]]] = []
        self.strange: list[str] = []
        self.away = threading.Event()
        self.slow = threading.Event()
        self._address = address
        self._small = small
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Read what is left and end."""
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        with zmq.Context() as context:
            while not self._done.is_set():
                if self.away.is_set():
                    self._done.wait(0.02)
                    continue
                with context.socket(zmq.SUB) as socket:
                    socket.set(zmq.LINGER, 0)
                    if self._small:
                        socket.set(zmq.RCVHWM, 1)
                        socket.set(zmq.RCVBUF, 4096)
                    socket.subscribe(PREFIX + b" ")
                    socket.connect(self._address)
                    self._listen(socket)

    def _listen(self, socket: zmq.Socket[bytes]) -> None:
        while not self.away.is_set():
            if self.slow.is_set():
                self._done.wait(0.05)
            elif socket.poll(50):
                try:
                    self.documents.append(decode_message(socket.recv())[1:])
                except DecodeError as error:
                    self.strange.append(str(error))
            elif self._done.is_set():
                return
            if self._done.is_set():
                self.slow.clear()
