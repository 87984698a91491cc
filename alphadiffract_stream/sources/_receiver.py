"""A 0MQ socket of our own that receives: connected at construction, watched, bounded."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time

import zmq
import zmq.asyncio
from zmq.utils.monitor import recv_monitor_message

from ..errors import ConfigurationError
from ..wire import Curve
from ._readable import Readable

log = logging.getLogger(__name__)

_WATCHED = (
    zmq.EVENT_HANDSHAKE_SUCCEEDED
    | zmq.EVENT_DISCONNECTED
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
)


class Closed(Exception):  # noqa: N818 - an end, not an error
    """The socket was closed; nothing more will be received."""


class Receiver:
    """A SUB or PULL socket in a context of its own.

    kind: ``zmq.SUB`` or ``zmq.PULL``. topic: what a SUB socket subscribes to.
    hwm: messages kept when the reader does not keep up; a SUB socket then drops, unseen, and a
    PULL socket makes its senders wait.
    max_message: bytes. A frame of more than twice as much is not even received: 0MQ closes the
    connection it came from, and opens it anew.
    curve: keys, where the connection is to be encrypted and its peers known.
    Raises ConfigurationError when the address cannot be bound or makes no sense.
    """

    def __init__(
        self,
        name: str,
        address: str,
        kind: int,
        *,
        bind: bool = False,
        topic: bytes = b"",
        hwm: int,
        max_message: int,
        curve: Curve | None = None,
    ) -> None:
        self.name = name
        self.connections = 0
        """Peers at the moment, as far as the watch on the socket has told."""
        self._bound = bind
        self._seen_any = False
        self._lost_at: float | None = None
        """When the last peer went, on the monotonic clock."""
        self._closed = False
        self._context = zmq.Context()
        self._socket = self._context.socket(kind)
        self._plain = zmq.Socket(shadow=self._socket.underlying)
        self._monitor = self._socket.get_monitor_socket(_WATCHED)
        self._watch: asyncio.Task[None] | None = None
        self._readable = Readable(int(self._socket.get(zmq.FD)))
        self._socket.set(zmq.RCVHWM, hwm)
        self._socket.set(zmq.MAXMSGSIZE, 2 * max_message)
        self._socket.set(zmq.LINGER, 0)
        self._socket.set(zmq.TCP_KEEPALIVE, 1)
        self._curve = curve
        if curve is not None:
            curve.secure(self._socket, self._context)
        if kind == zmq.SUB:
            self._socket.subscribe(topic)
        try:
            if bind:
                self._socket.bind(address.replace("//:", "//*:"))
            else:
                self._socket.connect(address)
        except zmq.ZMQError as error:
            self.close()
            verb = "bind" if bind else "connect to"
            raise ConfigurationError(f"{name}: cannot {verb} {address}: {error}") from None

    @property
    def address(self) -> str:
        """What was bound or connected, with the port 0MQ chose where it was asked to."""
        return self._socket.get_string(zmq.LAST_ENDPOINT)

    @property
    def trouble(self) -> str:
        """Why nothing can come in now, or ""; who binds waits for others and is never at fault."""
        if self._bound or self.connections or self._closed:
            return ""
        return "the connection was lost" if self._seen_any else "not connected"

    async def receive(self, patience: float | None) -> list[bytes] | None:
        """The frames of the next message; None after `patience` s. Raises Closed.

        No message is lost to impatience or to a cancelled caller: the next call receives it.
        """
        if self._closed:
            raise Closed
        if self._watch is None:
            self._watch = asyncio.create_task(self._follow(), name=f"watch {self.name}")
        until = None if patience is None else time.monotonic() + patience
        # The descriptor tells of changes only, and of some that are no message.
        while (frames := self._take()) is None:
            left = None if until is None else until - time.monotonic()
            if not await self._readable.wait(left):
                return None
            if self._closed:
                raise Closed
        return frames

    def _take(self) -> list[bytes] | None:
        try:
            return self._socket.recv_multipart(zmq.NOBLOCK)
        except zmq.Again:
            return None

    def ready(self, most: int) -> list[list[bytes]]:
        """Messages that are there already, without waiting for any."""
        messages: list[list[bytes]] = []
        with contextlib.suppress(zmq.Again):
            while not self._closed and len(messages) < most:
                messages.append(self._plain.recv_multipart(zmq.NOBLOCK))
        return messages

    def close(self) -> None:
        """Let go of everything; wakes `receive`. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        if self._watch is not None:
            self._watch.cancel()
        self._readable.close()
        self._socket.disable_monitor()
        self._monitor.close(linger=0)
        self._socket.close(linger=0)
        if self._curve is not None:
            self._curve.close()
        self._context.term()

    async def _follow(self) -> None:
        """Say when peers come and go: what is sent meanwhile is never seen here."""
        monitor = zmq.asyncio.Socket.from_socket(self._monitor)
        while True:
            event = await recv_monitor_message(monitor)
            place = event["endpoint"].decode(errors="replace")
            match event["event"]:
                case zmq.EVENT_HANDSHAKE_SUCCEEDED:
                    self.connections += 1
                    self._seen_any = True
                    if self._lost_at is None or self._bound:
                        log.info("%s: connected (%s)", self.name, place)
                    else:
                        away = time.monotonic() - self._lost_at
                        log.warning(
                            "%s: connected again (%s) after %.1f s: what was sent meanwhile may be "
                            "lost; events are counted as missing, by gaps in seq_num",
                            *(self.name, place, away),
                        )
                    self._lost_at = None
                case zmq.EVENT_DISCONNECTED:
                    self.connections = max(0, self.connections - 1)
                    if not self.connections:
                        self._lost_at = time.monotonic()
                    log.warning(
                        "%s: connection lost (%s); documents may be lost until it is back "
                        "(a message over the size limit also ends a connection)",
                        self.name,
                        place,
                    )
                case zmq.EVENT_HANDSHAKE_FAILED_AUTH:
                    log.warning("%s: not admitted (%s): the key is not known", self.name, place)
                case _:
                    log.warning(
                        "%s: handshake failed (%s): is that a 0MQ port, with the same keys (CURVE) "
                        "on both sides or none?",
                        self.name,
                        place,
                    )
