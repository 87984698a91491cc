"""A small HTTP server in a thread of its own: it answers also while the event loop is stuck."""

from __future__ import annotations

import hmac
import json
import logging
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from socketserver import TCPServer, ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from ..errors import ConfigurationError
from ._tls import server_context

log = logging.getLogger(__name__)

_MOST_AT_ONCE = 16
"""Requests; a further one is turned away, so that nobody can take all memory with connections."""
_PATIENCE = 5.0
"""s for a client to send its request or to take its answer."""

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class Reply:
    """What a path answers."""

    content: Mapping[str, Any]
    """Sent as JSON."""
    ok: bool = True
    """Status 200, or 503."""


@dataclass(frozen=True, slots=True)
class Security:
    """Who may read, and whether others can listen."""

    certificate: Path | None = None
    key: Path | None = None
    token_file: Path | None = None
    """Read at each request, so that it may be renewed."""


class Endpoint:
    """Serves until `close`. Raises ConfigurationError where it cannot listen.

    json: path → what answers it, given whether the client may know everything (everybody may,
    where there is no token file); None turns it away. guarded: path → WSGI application for those
    who may.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        json: Mapping[str, Callable[[bool], Reply | None]],
        guarded: Mapping[str, Wsgi],
        security: Security | None = None,
    ) -> None:
        self._json = json
        self._guarded = guarded
        self._security = security or Security()
        try:
            context = _context(self._security)
            self._server = make_server(
                *(host, port, self._answer),
                server_class=_server_class(host, port),
                handler_class=_Handler,
            )
        except (OSError, OverflowError) as error:
            raise ConfigurationError(
                f"metrics_host={host!r}, metrics_port={port}: cannot serve there: {error}"
            ) from None
        if context is not None:
            # The handshake is each request's thread's: a client that says nothing holds up none.
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        scheme = "https" if context else "http"
        shown = f"[{host}]" if ":" in host else host
        self.address = f"{scheme}://{shown}:{self._server.server_port}"
        """With the port the system chose, where it was asked to."""
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="telemetry", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop serving. Safe to call twice."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        path = environ.get("PATH_INFO", "")
        trusted = self._trusts(environ.get("HTTP_AUTHORIZATION", ""))
        if environ.get("REQUEST_METHOD") not in ("GET", "HEAD"):
            return _plain(start_response, "405 Method Not Allowed", "GET only", ("Allow", "GET"))
        if path in self._json and (reply := self._json[path](trusted)) is not None:
            body = json.dumps(reply.content, ensure_ascii=False, default=str).encode()
            status = "200 OK" if reply.ok else "503 Service Unavailable"
            start_response(status, [("Content-Type", "application/json"), *_CAREFUL])
            return [body]
        if path in self._guarded and trusted:
            return self._guarded[path](environ, start_response)
        if path in self._guarded or path in self._json:
            header = ("WWW-Authenticate", "Bearer")
            return _plain(start_response, "401 Unauthorized", "a bearer token is needed", header)
        known = " ".join(sorted({*self._json, *self._guarded}))
        return _plain(start_response, "404 Not Found", f"there are: {known}")

    def _trusts(self, authorization: str) -> bool:
        path = self._security.token_file
        if path is None:
            return True
        scheme, _, token = authorization.partition(" ")
        try:
            expected = path.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            log.error("metrics_token_file=%s: %s: nobody may read", path, error)
            return False
        same = hmac.compare_digest(token.strip().encode(), expected.encode())
        return same and bool(expected) and scheme.lower() == "bearer"


_CAREFUL = (("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"))


def _plain(
    start_response: Callable[..., Any], status: str, text: str, *headers: tuple[str, str]
) -> list[bytes]:
    start_response(status, [("Content-Type", "text/plain; charset=utf-8"), *_CAREFUL, *headers])
    return [f"{text}\n".encode()]


def _context(security: Security) -> ssl.SSLContext | None:
    if security.certificate is None:
        return None
    try:
        return server_context(security.certificate, security.key)
    except OSError as error:
        raise ConfigurationError(
            f"metrics_certificate={security.certificate}, metrics_key={security.key}: {error}"
        ) from None


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._room = threading.BoundedSemaphore(_MOST_AT_ONCE)
        super().__init__(*arguments, **options)

    def server_bind(self) -> None:
        """Without asking DNS for a name of our own, which can take long and is not needed."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[misc]
        self.setup_environ()

    def process_request(self, request: Any, client_address: Any) -> None:
        """In a thread of its own, while there is room."""
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer one."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away or speaks no HTTP is no fault of ours."""
        log.debug("telemetry: %s", client_address, exc_info=True)


class _Handler(WSGIRequestHandler):
    timeout = _PATIENCE

    def log_message(self, format: str, *args: Any) -> None:
        """Probes come every few seconds: nothing to tell."""
        log.debug(format, *args)


def _server_class(host: str, port: int) -> type[_Server]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)

    class Server(_Server):
        address_family = found[0][0]

    return Server
