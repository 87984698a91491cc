"""Document logs: files of JSON lines, read once.

``log:FILE`` or ``log:FOLDER`` gives every run in it, ``log:FOLDER?run=UID`` one. See
docs/reference/wire.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from itertools import islice
from pathlib import Path

from ..errors import ConfigurationError, DecodeError
from ..pattern import Origin
from ..urls import Url
from ..wire import read_options
from ._assembler import Assembler
from ._decoding import Decoding
from ._document_options import DocumentOptions
from ._external import filled
from ._log_file import documents
from ._messages import Dropped, Message, Remembered
from ._read_options import path_of

TRANSPORT = "log"
_AT_ONCE = 20
"""Documents in memory."""


class Options(DocumentOptions):
    """The query part of the URL."""

    run: str = ""
    """Uid of the run that is wanted; empty: all of them."""


class LogSource:
    """Ends after the last line that is there when it is read, or the stop of the run named."""

    def __init__(self, name: str, path: Path, options: Options, wavelength: float | None) -> None:
        self.name = name
        self.decoding = Decoding()
        self._documents = documents(path, options.run)
        self._filler = options.filler()
        self._assembler = Assembler(
            options.keys,
            TRANSPORT,
            name,
            wavelength,
            patience=options.patience,
            external=self._filler is not None,
        )
        self._closed = False

    async def __aiter__(self) -> AsyncIterator[Message]:
        try:
            while not self._closed:
                some = await asyncio.to_thread(list, islice(self._documents, _AT_ONCE))
                if not some:
                    break
                for one in some:
                    async for message in filled(self._filler, self._messages(one)):
                        yield message
            async for message in filled(self._filler, self._assembler.suspend()):
                yield message
        finally:
            if self._filler is not None:
                self._filler.close()

    def recall(self, runs: Sequence[Remembered]) -> None:
        """Everything is read again anyhow; runs without a stop document stay open at the end."""
        self._assembler.recall(())

    async def close(self) -> None:
        """Stop after the documents being read. Safe to call twice."""
        self._closed = True

    def _messages(self, one: tuple[str, dict] | DecodeError) -> Sequence[Message]:
        if isinstance(one, DecodeError):
            return [Dropped(Origin(TRANSPORT, self.name), str(one))]
        return self.decoding(self._assembler.feed, *one)


def open(url: Url, *, wavelength: float | None = None) -> LogSource:
    """Source of the log, or the logs in the folder, at `url`.

    Raises ConfigurationError for unknown options, or where there is neither.
    """
    options = read_options(Options, url)
    path = path_of(url)
    if not path.exists():
        raise ConfigurationError(f"{url}: no such file or folder")
    return LogSource(url.text, path, options, wavelength)
