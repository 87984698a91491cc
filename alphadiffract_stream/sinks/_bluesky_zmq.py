"""Bluesky documents to a 0MQ proxy, as ``bluesky.callbacks.zmq.Publisher`` sends them.

``bluesky-zmq://host:port`` connects to the proxy's *in* port; ``?bind=yes`` binds instead, for
readers that connect directly. See docs/reference/wire.md.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import zmq
from pydantic import ConfigDict, Field

from ..errors import AlphaDiffractError, ConfigurationError
from ..urls import Url
from ..wire import CurveOptions, Serializer, checked_prefix, encode_message, read_options

log = logging.getLogger(__name__)

_RETRY = 0.002
"""s between looks at a socket that has no room or no reader; 0MQ tells neither by itself."""


class Options(CurveOptions):
    """The query part of the URL."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prefix: str = "alphadiffract"
    serializer: Literal["msgpack", "json", "pickle"] = "msgpack"
    bind: bool = False
    sndhwm: Annotated[int, Field(ge=1)] = 10_000
    """Documents kept for each reader that does not keep up; then `emit` waits for room."""
    patience: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 2.0
    """s that the first document waits for a reader, and any for room."""
    linger: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 2.0
    """s that `close` leaves to what is not sent yet."""


class BlueskyZmqSink:
    """Publishes ``prefix name payload``; a reader is known before the first document goes out.

    An XPUB socket is what a PUB socket is to its readers, but hears them subscribe and says when
    there is no more room for one, where PUB drops in silence.
    """

    def __init__(self, url: Url, options: Options) -> None:
        self.name = url.text
        self._prefix = checked_prefix(options.prefix)
        self._serializer = Serializer(options.serializer)
        self._options = options
        self._readers = 0
        self._waited = False
        self._closed = False
        self._curve = options.curve(url, bind=options.bind)
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.XPUB)
        self._socket.set(zmq.XPUB_NODROP, 1)
        self._socket.set(zmq.XPUB_VERBOSER, 1)
        self._socket.set(zmq.SNDHWM, options.sndhwm)
        self._socket.set(zmq.LINGER, int(options.linger * 1000))
        self._socket.set(zmq.TCP_KEEPALIVE, 1)
        if self._curve is not None:
            self._curve.secure(self._socket, self._context)
        try:
            if options.bind:
                self._socket.bind(url.address.replace("//:", "//*:"))
            else:
                self._socket.connect(url.address)
        except (zmq.ZMQError, ConfigurationError) as error:
            self._closed = True
            self._socket.close(linger=0)
            if self._curve is not None:
                self._curve.close()
            self._context.term()
            raise ConfigurationError(f"{url}: cannot publish there: {error}") from None

    @property
    def address(self) -> str:
        """What was bound or connected, with the port 0MQ chose where it was asked to."""
        return self._socket.get_string(zmq.LAST_ENDPOINT)

    def emit_now(self, name: str, document: Mapping[str, Any]) -> bool:
        """Send one document if that needs no waiting; whether it did. Raises as `emit`."""
        if not self._waited:
            return False
        return self._sent(encode_message(name, document, self._serializer, self._prefix))

    async def emit(self, name: str, document: Mapping[str, Any]) -> None:
        """Send one document.

        Raises TypeError for values with no form on the wire, AlphaDiffractError when a reader
        leaves no room in time.
        """
        message = encode_message(name, document, self._serializer, self._prefix)
        if not self._waited:
            await self._wait_for_reader()
        patience = asyncio.get_running_loop().time() + self._options.patience
        while not self._sent(message):
            if asyncio.get_running_loop().time() >= patience:
                raise AlphaDiffractError(
                    f"{self.name}: a reader has {self._options.sndhwm} documents waiting "
                    f"and takes none; lost: {name} {document.get('uid', '')}"
                )
            await asyncio.sleep(_RETRY)

    async def close(self) -> None:
        """Send what is queued, for at most ``linger`` s. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        self._socket.close()
        # term() blocks while the socket lingers.
        await asyncio.to_thread(self._end)

    def _end(self) -> None:
        if self._curve is not None:
            self._curve.close()
        self._context.term()

    def _sent(self, message: bytes) -> bool:
        self._hear()
        try:
            self._socket.send(message, zmq.NOBLOCK)
        except zmq.Again:
            return False
        return True

    async def _wait_for_reader(self) -> None:
        """Documents sent before a proxy has connected and subscribed would go nowhere."""
        patience = asyncio.get_running_loop().time() + self._options.patience
        self._hear()
        while not self._readers and asyncio.get_running_loop().time() < patience:
            await asyncio.sleep(_RETRY)
            self._hear()
        self._waited = True
        if not self._readers:
            log.warning("%s: nobody reads; documents go nowhere until somebody does", self.name)

    def _hear(self) -> None:
        """Count subscriptions: one frame each, 1 or 0 and the topic."""
        while self._socket.get(zmq.EVENTS) & zmq.POLLIN:  # type: ignore[operator]
            frame = self._socket.recv(zmq.NOBLOCK)
            if frame[:1] not in (b"\x00", b"\x01"):
                continue
            self._readers = max(0, self._readers + (1 if frame[0] else -1))
            if not self._readers:
                log.warning("%s: nobody reads any more; documents go nowhere", self.name)


def open(url: Url) -> BlueskyZmqSink:
    """Sink at `url`. Raises ConfigurationError for unknown options, no port or a bad prefix."""
    options = read_options(Options, url)
    return BlueskyZmqSink(url, options)
