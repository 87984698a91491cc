"""The predictions of a service, from the 0MQ proxy it publishes to."""

from __future__ import annotations

import logging
import threading
from types import TracebackType
from typing import Self

import zmq

from ..errors import ConfigurationError, DecodeError
from ..wire import checked_prefix, decode_message
from ._answers import Answers

log = logging.getLogger(__name__)

_POLL = 100
"""ms between looks at whether to end."""


class ServiceAnswers(Answers):
    """Answers from ``tcp://HOST:PORT``, the out port of the proxy, in a thread of its own.

    prefix: what the service publishes with. Connected at construction: make it before the run
    begins, for 0MQ replays nothing. Only msgpack and JSON are read, never pickle.
    Raises ConfigurationError for an address that makes no sense.
    """

    def __init__(self, address: str, prefix: str = "alphadiffract") -> None:
        super().__init__()
        topic = checked_prefix(prefix)
        self._closing = threading.Event()
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.SUB)
        self._socket.set(zmq.RCVHWM, 0)
        self._socket.set(zmq.LINGER, 0)
        self._socket.subscribe(topic + b" " if topic else b"")
        try:
            self._socket.connect(address if "://" in address else f"tcp://{address}")
        except zmq.ZMQError as error:
            self._socket.close()
            self._context.term()
            raise ConfigurationError(f"{address}: cannot connect: {error}") from None
        self._thread = threading.Thread(
            target=self._listen, name="alphadiffract-answers", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """End the thread. Safe to call twice."""
        self._closing.set()
        self._thread.join()
        self._socket.close()
        self._context.term()

    def _listen(self) -> None:
        while not self._closing.is_set():
            if not self._socket.poll(_POLL):
                continue
            try:
                _, name, document = decode_message(self._socket.recv())
                self(name, document)
            except DecodeError as error:
                log.warning("not read: %s", error)
            except Exception:
                log.exception("a prediction document was not taken")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
