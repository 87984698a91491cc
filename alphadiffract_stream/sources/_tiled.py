"""Runs that a Tiled server keeps: those named, again; or those that come.

``tiled:http://HOST:8000/PATH?run=UID`` or ``tiled:http://HOST:8000/PATH``. See
docs/reference/wire.md.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Annotated, Any

import httpx
from pydantic import Field
from tiled.client import from_uri
from tiled.client.utils import ClientError
from tiled.queries import Comparison

from ..errors import ConfigurationError
from ..urls import Url
from ..wire import read_options
from ._assembler import Assembler
from ._decoding import Decoding
from ._document_options import DocumentOptions
from ._external import filled
from ._messages import Message, Remembered
from ._tiled_run import Named, TiledRun

log = logging.getLogger(__name__)

TRANSPORT = "tiled"
_TROUBLE = (httpx.HTTPError, ClientError, KeyError, OSError)
"""What a server that is away, or a node that is being written, raises."""


class Options(DocumentOptions):
    """The query part of the URL."""

    run: str = ""
    """Uids, separated by commas: these are read, and the source ends. Empty: runs that come."""
    poll: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    """s between looks for new runs and new rows."""
    since: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    """Unix time; runs that began later are answered. Else: from now on."""
    rows: Annotated[int, Field(ge=1)] = 100
    """Of one request. With `poni`, unless given: 4, since each may hold a frame."""

    @property
    def rows_at_once(self) -> int:
        """Of one request."""
        frames = self.poni is not None and "rows" not in self.model_fields_set
        return 4 if frames else self.rows


class TiledSource:
    """Polls, which every server can answer; its web sockets need a Redis beside it."""

    def __init__(
        self,
        name: str,
        options: Options,
        wavelength: float | None,
        connect: Callable[[], Any],
        disconnect: Callable[[Any], None] = lambda _: None,
    ) -> None:
        self.name = name
        self._options = options
        self._connect = connect
        self._disconnect = disconnect
        self._uids = [uid for uid in options.run.split(",") if uid]
        self._since = time.time() if options.since is None else options.since
        self._assembler = Assembler(
            options.keys,
            TRANSPORT,
            name,
            wavelength,
            patience=options.patience,
            integrator=options.integrator(),
        )
        self._runs: dict[str, TiledRun] = {uid: self._new(uid) for uid in self._uids}
        """Those that are not read to their end, and those that were, to know them again."""
        self.decoding = Decoding()
        self._closed = asyncio.Event()
        self._reachable = True

    async def __aiter__(self) -> AsyncIterator[Message]:
        catalog: Any = None
        try:
            while not self._closed.is_set():
                try:
                    catalog = catalog or await asyncio.to_thread(self._connect)
                    if not self._uids:
                        await asyncio.to_thread(self._look, catalog)
                    self._reached()
                except _TROUBLE as error:
                    self._unreachable(error)
                else:
                    for run in [one for one in self._runs.values() if not one.stopped]:
                        async for message in self._read(catalog, run):
                            yield message
                async for message in filled(None, self._assembler.expire()):
                    yield message
                if self._uids and all(run.stopped for run in self._runs.values()):
                    break
                await self._pause()
        finally:
            if catalog is not None:
                await asyncio.to_thread(self._disconnect, catalog)
        async for message in filled(None, self._assembler.suspend()):
            yield message

    @property
    def trouble(self) -> str:
        """Why nothing can come in now, or ""."""
        return "" if self._reachable else "the server cannot be reached"

    def recall(self, runs: Sequence[Remembered]) -> None:
        """Read runs that were open before again, from their beginning."""
        self._runs |= {run.run_uid: self._new(run.run_uid) for run in runs}
        self._assembler.recall(())

    async def close(self) -> None:
        """Stop after the request that is under way. Safe to call twice."""
        self._closed.set()

    async def _read(self, catalog: Any, run: TiledRun) -> AsyncIterator[Message]:
        """What is new of one run, a request at a time."""
        try:
            documents = run.documents(await asyncio.to_thread(catalog.__getitem__, run.uid))
            while not self._closed.is_set():
                named: Named | None = await asyncio.to_thread(next, documents, None)
                if named is None:
                    break
                async for message in filled(None, self.decoding(self._assembler.feed, *named)):
                    yield message
        except _TROUBLE as error:
            log.warning("%s: run %s: %s; looked at again", self.name, run.uid, error)
            if self._uids and isinstance(error, KeyError) and not run.begun:
                run.stopped = True
                log.error("%s: there is no run %s", self.name, run.uid)

    def _look(self, catalog: Any) -> None:
        for uid in catalog.search(Comparison("ge", "start.time", self._since)):
            if uid not in self._runs:
                self._runs[uid] = self._new(uid)

    def _new(self, uid: str) -> TiledRun:
        return TiledRun(uid, self._options.rows_at_once)

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(self._options.poll):
                await self._closed.wait()
        except TimeoutError:
            pass

    def _reached(self) -> None:
        if not self._reachable:
            log.info("%s: answers again", self.name)
        self._reachable = True

    def _unreachable(self, error: Exception) -> None:
        if self._reachable:
            log.warning("%s: does not answer (%s); asked again", self.name, error)
        self._reachable = False


def open(url: Url, *, wavelength: float | None = None) -> TiledSource:
    """Source at `url`; the key of a server that asks for one is that of TILED_API_KEY.

    Raises ConfigurationError for unknown options or an address that is none.
    """
    options = read_options(Options, url)
    if url.host or not url.path.startswith(("http://", "https://")):
        raise ConfigurationError(f"{url}: write tiled:http://HOST:8000/PATH?run=UID")
    return TiledSource(
        url.text,
        options,
        wavelength,
        lambda: from_uri(url.path),
        lambda catalog: catalog.context.close(),
    )
