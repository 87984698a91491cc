"""Bluesky documents from a 0MQ proxy, as ``bluesky.callbacks.zmq.Publisher`` sends them.

``bluesky-zmq://host:port`` connects to the proxy's *out* port. See docs/reference/wire.md.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Literal

import zmq
from pydantic import Field

from ..errors import ConfigurationError, DecodeError
from ..pattern import Origin
from ..urls import Url
from ..wire import (
    DEFAULT_MAX_MESSAGE,
    CurveOptions,
    Serializer,
    checked_prefix,
    decode_message,
    read_options,
    skim_message,
)
from ._assembler import Assembler
from ._decoding import Decoding
from ._document_options import DocumentOptions
from ._external import filled
from ._messages import Dropped, Message, PatternsSkipped, Remembered
from ._rate import Rate
from ._receiver import Closed, Receiver
from ._shedding import Shedding

log = logging.getLogger(__name__)

TRANSPORT = "bluesky-zmq"
_FEWEST = 2
"""Events that may wait to be read where only the newest are wanted."""
_SAID = frozenset({"uid", "descriptor", "time", "seq_num"})
"""What an event says of itself."""


class Options(DocumentOptions, CurveOptions):
    """The query part of the URL."""

    prefix: str = ""
    """Only documents with this prefix; empty: all."""
    serializer: Literal["auto", "msgpack", "json", "pickle"] = "auto"
    allow_pickle: bool = False
    """Read pickles: whoever can publish to the proxy can then run code here."""
    rcvhwm: Annotated[int, Field(ge=0)] = 10_000
    """Messages kept while they are not read; 0: without limit. 0MQ's own default is 1000.
    With `poni`, unless given: 100, since each may hold a frame."""
    max_message: Annotated[int, Field(ge=1)] = DEFAULT_MAX_MESSAGE
    """Bytes."""
    max_rate: Annotated[float, Field(ge=1, allow_inf_nan=False)] = 20_000
    """Documents a second of one stream of a run, above which they are dropped."""

    @property
    def hwm(self) -> int:
        """Messages kept while they are not read."""
        frames = self.poni is not None and "rcvhwm" not in self.model_fields_set
        return 100 if frames else self.rcvhwm


class BlueskyZmqSource:
    """Subscribed from construction on: what is published before the first iteration is kept."""

    def __init__(self, url: Url, options: Options, wavelength: float | None) -> None:
        self.name = url.text
        self.decoding = Decoding()
        self._options = options
        self._rate = Rate(options.max_rate)
        prefix = checked_prefix(options.prefix)
        self._filler = options.filler()
        self._assembler = Assembler(
            options.keys,
            TRANSPORT,
            url.text,
            wavelength,
            patience=options.patience,
            external=self._filler is not None,
            integrator=options.integrator(),
        )
        self._recalled: list[Message] = []
        self._shedding: Shedding | None = None
        self._receiver = Receiver(
            url.text,
            url.address,
            zmq.SUB,
            topic=prefix + b" " if prefix else b"",
            hwm=options.hwm,
            max_message=options.max_message,
            curve=options.curve(url, bind=False),
        )
        if options.allow_pickle:
            log.warning(
                "%s: PICKLES ARE READ. Whoever can publish to this proxy can run any code here "
                "with your rights. Better: give the publisher serializer=msgpack_numpy.packb",
                self.name,
            )

    async def __aiter__(self) -> AsyncIterator[Message]:
        async for message in filled(self._filler, self._recalled):
            yield message
        receive = self._shedding.receive if self._shedding else self._receiver.receive
        try:
            while True:
                frames = await receive(self._timeout())
                if frames is None:
                    messages = self._assembler.expire()
                elif isinstance(frames, PatternsSkipped):
                    messages = [frames]
                else:
                    messages = self.decoding(self._take, frames)
                async for message in filled(self._filler, messages):
                    yield message
        except Closed:
            async for message in filled(self._filler, self._assembler.suspend()):
                yield message
        finally:
            if self._filler is not None:
                self._filler.close()

    def recall(self, runs: Sequence[Remembered]) -> None:
        """Go on with runs that were open before; leave those open that are when this is closed."""
        self._recalled = self._assembler.recall(runs)

    def shed(self) -> None:
        """Keep the newest events of those that wait; pass the others over unread."""
        self._shedding = Shedding(self._receiver, _FEWEST, self._pass_over)

    @property
    def shedding(self) -> bool:
        """Whether old events are passed over: those of msgpack can be."""
        return self._shedding is not None and self._shedding.works

    def _pass_over(self, message: bytes) -> Origin | None:
        try:
            return self._assembler.skip(skim_message(message, _SAID))
        except DecodeError:  # of another serialization, or no document
            return None

    async def close(self) -> None:
        """Stop listening; ends the iteration. Safe to call twice."""
        self._receiver.close()

    @property
    def connections(self) -> int:
        """Proxies connected at the moment: 0 or 1."""
        return self._receiver.connections

    @property
    def trouble(self) -> str:
        """Why nothing can come in now, or ""."""
        return self._receiver.trouble

    def _timeout(self) -> float | None:
        deadline = self._assembler.deadline
        return None if deadline is None else max(0.0, deadline - time.monotonic()) + 1e-3

    def _take(self, frames: list[bytes]) -> list[Message]:
        options = self._options
        try:
            if len(frames) != 1:
                raise DecodeError(f"a message of {len(frames)} frames; Bluesky sends one")
            _, name, document = decode_message(
                frames[0],
                serializer=Serializer(options.serializer),
                allow_pickle=options.allow_pickle,
                max_message=options.max_message,
            )
        except DecodeError as error:
            return [Dropped(Origin(TRANSPORT, self.name), str(error))]
        said = [document.get(key) for key in ("descriptor", "run_start", "uid", "seq_num")]
        *uids, seq_num = said
        run = next((uid for uid in uids if isinstance(uid, str)), "")
        if self._rate.exceeded(run):
            place = seq_num if isinstance(seq_num, int) else None
            origin = Origin(TRANSPORT, self.name, descriptor_uid=run[:256], seq_num=place)
            reason = f"{name} document: more than {options.max_rate:g} a second (?max_rate=)"
            return [Dropped(origin, reason)]
        return self._assembler.feed(name, document)


def open(url: Url, *, wavelength: float | None = None) -> BlueskyZmqSource:
    """Source at `url`. Raises ConfigurationError for unknown options, no port or a bad prefix."""
    options = read_options(Options, url)
    if options.serializer == "pickle" and not options.allow_pickle:
        raise ConfigurationError(
            f"{url}: serializer=pickle lets publishers run code here; "
            "add allow_pickle=yes if you trust all of them, or use msgpack"
        )
    return BlueskyZmqSource(url, options, wavelength)
