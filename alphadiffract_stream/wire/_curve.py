"""CURVE for our 0MQ sockets: encrypted, and only for peers whose key is known.

Who connects gives its own secret certificate and the public one of whom it connects to; who binds
gives its own secret certificate and a folder of the public ones it admits.
"""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path
from typing import Any

import zmq
from pydantic import BaseModel
from zmq.auth import load_certificate
from zmq.auth.thread import ThreadAuthenticator

from ..errors import ConfigurationError
from ..urls import Url

log = logging.getLogger(__name__)
# Its errors repeat, with less in them, what is said here.
_quiet = logging.getLogger(f"{__name__}.zap")
_quiet.setLevel(logging.CRITICAL)

_DOMAIN = b"alphadiffract"


class CurveOptions(BaseModel):
    """The part of a URL's query that says with which keys; see docs/how-to/secure-a-service.md."""

    key: Path | None = None
    """Our own secret certificate, ``NAME.key_secret``."""
    server: Path | None = None
    """Public certificate of whom we connect to, ``NAME.key``."""
    clients: Path | None = None
    """Folder of the public certificates admitted, where we bind; looked into at each connection."""

    def curve(self, url: Url, *, bind: bool) -> Curve | None:
        """Keys for one socket; None where the URL names none. Raises ConfigurationError."""
        if self.key is None and self.server is None and self.clients is None:
            return None
        needed, other = ("clients", "server") if bind else ("server", "clients")
        place = getattr(self, needed)
        if self.key is None or place is None or getattr(self, other) is not None:
            verb = "bind" if bind else "connect"
            raise ConfigurationError(f"{url}: to {verb} with keys, give key= and {needed}= only")
        return Curve(url.text, self.key, place, bind=bind)


class Curve:
    """Keys of one socket, and who is admitted to it. Raises ConfigurationError."""

    def __init__(self, name: str, key: Path, place: Path, *, bind: bool) -> None:
        self._name = name
        self._public, self._secret = secret_certificate(key)
        self._place = place
        self._authenticator: ThreadAuthenticator | None = None
        self._server = None if bind else _load(place)[0]
        if bind and not admitted(place):
            raise ConfigurationError(
                f"clients={place}: no public certificate (*.key) there; nobody could connect"
            )

    def secure(self, socket: zmq.Socket[Any], context: zmq.Context[Any]) -> None:
        """Before the socket is bound or connected. `context` must be the socket's alone."""
        socket.setsockopt(zmq.CURVE_PUBLICKEY, self._public)
        socket.setsockopt(zmq.CURVE_SECRETKEY, self._secret)
        if self._server is not None:
            socket.setsockopt(zmq.CURVE_SERVERKEY, self._server)
            return
        socket.setsockopt(zmq.CURVE_SERVER, 1)
        socket.setsockopt(zmq.ZAP_DOMAIN, _DOMAIN)
        # Without it 0MQ admits everybody when the authenticator is not there.
        socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)
        self._authenticator = ThreadAuthenticator(context, log=_quiet)
        self._authenticator.configure_curve_callback(_DOMAIN.decode(), self)
        self._authenticator.start()

    def callback(self, domain: str, key: bytes) -> bool:
        """Whether the owner of this public key (Z85 text) may connect."""
        try:
            known = key in admitted(self._place)
        except ConfigurationError as error:
            log.error("%s: nobody is admitted: %s", self._name, error)
            return False
        if not known:
            shown = key.decode("ascii", errors="replace")
            log.warning("%s: refused a client with public key %s", self._name, shown)
        return known

    def close(self) -> None:
        """Before the context is terminated. Safe to call twice."""
        if self._authenticator is not None:
            self._authenticator.stop()
            self._authenticator = None


def admitted(folder: Path) -> set[bytes]:
    """Public keys of every ``*.key`` in `folder`. Raises ConfigurationError."""
    try:
        files = sorted(folder.glob("*.key")) if folder.is_dir() else None
    except OSError as error:
        raise ConfigurationError(f"clients={folder}: {error}") from None
    if files is None:
        raise ConfigurationError(f"clients={folder}: no such folder")
    return {_load(file)[0] for file in files}


def secret_certificate(file: Path) -> tuple[bytes, bytes]:
    """Public and secret key. Raises ConfigurationError, also where others may read the file."""
    try:
        status = file.stat()
    except OSError as error:
        raise ConfigurationError(f"key={file}: {error.strerror}") from None
    # Of a mounted secret (Kubernetes, systemd) root is the owner and we are in the group.
    ours = status.st_uid == os.geteuid()
    if stat.S_IMODE(status.st_mode) & (0o077 if ours else 0o037):
        raise ConfigurationError(
            f"key={file}: others may read or change it (mode {stat.S_IMODE(status.st_mode):o}); "
            "run chmod 600 on it, and make new keys if they may have been read"
        )
    public, secret = _load(file)
    if secret is None:
        raise ConfigurationError(f"key={file}: holds no secret key; give NAME.key_secret")
    return public, secret


def _load(file: Path) -> tuple[bytes, bytes | None]:
    try:
        keys = load_certificate(file)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{file}: no certificate: {error}") from None
    for key in filter(None, keys):
        # The text of a bad key may be a good one's but for a letter: it is not shown.
        if len(key) != 40 or _bytes_of(key) is None:
            raise ConfigurationError(f"{file}: a key in it is damaged; make it anew")
    return keys


def _bytes_of(key: bytes) -> bytes | None:
    from zmq.utils import z85

    try:
        return z85.decode(key)
    except (KeyError, ValueError, OverflowError, AssertionError):
        return None
