"""Reader and server together, until told to stop."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

from ._axis import Kind
from ._board import Board
from ._reading import reading
from ._server import serving

log = logging.getLogger(__name__)


async def watch(
    source: str,
    predictions: str | None = None,
    *,
    address: str = "127.0.0.1",
    port: int = 0,
    token: str | None = None,
    origins: Sequence[str] = (),
    certificate: Path | None = None,
    key: Path | None = None,
    wavelength: float | None = None,
    kind: Kind | None = None,
    max_runs: int = 20,
    ready: Callable[[str], None] = lambda _: None,
) -> None:
    """Read, serve and call `ready` with the page's URL; ends with SIGTERM or Ctrl-C.

    Raises ConfigurationError for unusable URLs, a missing token, a port that is taken, or no
    certificate.
    """
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    board = Board(max_runs=max_runs, kind=kind)
    async with (
        reading(board, source, predictions, wavelength),
        serving(
            board,
            address=address,
            port=port,
            token=token,
            origins=origins,
            certificate=certificate,
            key=key,
        ) as url,
    ):
        ready(url)
        await ended.wait()
