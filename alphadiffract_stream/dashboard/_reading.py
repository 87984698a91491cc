"""Raw patterns and predictions off the wire and onto the board."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Any, Literal

import zmq
from pydantic import BaseModel, ConfigDict, Field

from ..errors import ConfigurationError, DecodeError
from ..sources import open_source
from ..sources._receiver import Closed, Receiver
from ..urls import parse_url
from ..wire import DEFAULT_MAX_MESSAGE, checked_prefix, decode_message, read_options
from ._board import Board

log = logging.getLogger(__name__)

PREFIX = "alphadiffract"
"""What ``serve`` publishes with unless told otherwise."""


class Options(BaseModel):
    """The query part of the URL of the predictions."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prefix: str = PREFIX
    rcvhwm: Annotated[int, Field(ge=0)] = 10_000
    max_message: Annotated[int, Field(ge=1)] = DEFAULT_MAX_MESSAGE
    serializer: Literal["auto"] = "auto"


class Predictions:
    """Prediction documents from a 0MQ proxy's out port. msgpack and JSON only, never pickle."""

    def __init__(self, text: str) -> None:
        url = parse_url(text)
        if url.scheme != "bluesky-zmq":
            raise ConfigurationError(
                f"--predictions {text}: predictions are read from bluesky-zmq://HOST:PORT only"
            )
        options = read_options(Options, url)
        prefix = checked_prefix(options.prefix)
        self.name = text
        self._max = options.max_message
        self._receiver = Receiver(
            text,
            url.address,
            zmq.SUB,
            topic=prefix + b" " if prefix else b"",
            hwm=options.rcvhwm,
            max_message=options.max_message,
        )

    async def __aiter__(self) -> AsyncIterator[tuple[str, Mapping[str, Any]] | DecodeError]:
        with contextlib.suppress(Closed):
            while True:
                frames = await self._receiver.receive(None)
                try:
                    if frames is None or len(frames) != 1:
                        raise DecodeError("a message of more than one frame; Bluesky sends one")
                    _, name, document = decode_message(frames[0], max_message=self._max)
                    yield name, document
                except DecodeError as error:
                    yield error

    async def close(self) -> None:
        """Stop; ends the iteration. Safe to call twice."""
        self._receiver.close()


def predictions_url(source: str) -> str:
    """Where predictions are if only the raw source was named: the same proxy.

    Raises ConfigurationError for sources that are no 0MQ proxy.
    """
    url = parse_url(source)
    if url.scheme != "bluesky-zmq":
        raise ConfigurationError(
            f"--source {source}: say with --predictions bluesky-zmq://HOST:PORT where the "
            "predictions are published"
        )
    return f"{url.scheme}://{url.address.removeprefix('tcp://')}?prefix={PREFIX}"


@asynccontextmanager
async def reading(
    board: Board, source: str, predictions: str | None, wavelength: float | None = None
) -> AsyncIterator[None]:
    """Feed `board` while the block runs.

    source: URL of raw patterns; predictions: of prediction documents, the same proxy if not given.
    wavelength: Å, for patterns that name none. Raises ConfigurationError for unusable URLs.
    """
    answers = Predictions(predictions or predictions_url(source))
    try:
        raw = open_source(source, wavelength=wavelength)
    except BaseException:
        await answers.close()
        raise
    tasks = [
        asyncio.create_task(_patterns(board, raw)),
        asyncio.create_task(_answers(board, answers)),
    ]
    try:
        yield
    finally:
        await raw.close()
        await answers.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _patterns(board: Board, raw: Any) -> None:
    try:
        async for message in raw:
            board.take(message)
    except Exception as error:
        log.exception("%s: reading ended", raw.name)
        board.unreadable(f"{raw.name}: reading ended: {error}")


async def _answers(board: Board, answers: Predictions) -> None:
    async for item in answers:
        if isinstance(item, DecodeError):
            log.warning("%s: %s", answers.name, item)
            board.unreadable(str(item))
        else:
            board.document(*item)
