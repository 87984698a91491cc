"""The page served: a process of its own, beside the service and never in its way."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from ssl import SSLContext
from typing import Any

from bokeh.application import Application
from bokeh.application.handlers.function import FunctionHandler
from bokeh.server.server import BaseServer
from bokeh.server.tornado import BokehTornado
from bokeh.server.util import bind_sockets
from bokeh.settings import settings
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop

from ..errors import ConfigurationError
from ..telemetry import server_context
from ._access import TokenAccess, check_token, is_loopback
from ._board import Board
from ._fitter import Fitter
from ._page import Page

log = logging.getLogger(__name__)


@asynccontextmanager
async def serving(
    board: Board,
    *,
    address: str = "127.0.0.1",
    port: int = 0,
    token: str | None = None,
    origins: Sequence[str] = (),
    certificate: Path | None = None,
    key: Path | None = None,
) -> AsyncIterator[str]:
    """Serve `board` while the block runs; gives the page's URL.

    port: 0 lets the system choose. token: needed unless `address` is loopback. origins:
    ``HOST:PORT`` as browsers will see this server, where that is not its own name. certificate,
    key: PEM files; the page is then served over HTTPS.
    Everything a browser needs comes from here: beamlines have no internet.
    Raises ConfigurationError for a missing token, a port that is taken or no certificate.
    """
    check_token(address, token)
    tls = _tls(certificate, key)
    if tls is None and not is_loopback(address):
        log.warning(
            "token and page cross the network in the clear: give --certificate, or put a proxy "
            "that speaks HTTPS in front"
        )
    settings.resources = "server"
    fitter = Fitter(lambda: _bump(board))
    access = TokenAccess(token) if token is not None else None
    options: dict[str, Any] = {}
    if access is not None:
        options = {"auth_provider": access, "cookie_secret": access.cookie_secret}
    application = Application(FunctionHandler(lambda doc: Page(board, fitter).attach(doc)))
    try:
        sockets, port = bind_sockets(address, port)
    except OSError as error:
        raise ConfigurationError(f"--address {address} --port {port}: {error}") from None
    allowed = sorted(_origins(address, port, origins))
    web = BokehTornado({"/": application}, extra_websocket_origins=allowed, **options)
    http = HTTPServer(web, ssl_options=tls)
    http.add_sockets(sockets)
    server = BaseServer(IOLoop.current(), web, http)
    server.start()
    try:
        host = "127.0.0.1" if address in ("0.0.0.0", "::") else address  # noqa: S104
        yield f"http{'s' if tls else ''}://{f'[{host}]' if ':' in host else host}:{port}/"
    finally:
        with contextlib.suppress(Exception):
            server.stop()
        await fitter.close()
        await asyncio.sleep(0)


def _tls(certificate: Path | None, key: Path | None) -> SSLContext | None:
    if certificate is None:
        if key is not None:
            raise ConfigurationError(f"--key {key}: give --certificate, too")
        return None
    try:
        return server_context(certificate, key)
    except OSError as error:
        raise ConfigurationError(f"--certificate {certificate}, --key {key}: {error}") from None


def _origins(address: str, port: int, given: Sequence[str]) -> set[str]:
    """Names by which browsers may call this server; others' pages may not open its socket."""
    names = {"localhost", "127.0.0.1"} if is_loopback(address) else {address, socket.getfqdn()}
    if not is_loopback(address):
        names |= {"localhost", "127.0.0.1", socket.gethostname()}
    return {f"{name}:{port}" for name in names} | set(given)


def _bump(board: Board) -> None:
    board.version += 1
