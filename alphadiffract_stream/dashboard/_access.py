"""Who may see the page: everybody on this machine, or whoever knows the token."""

from __future__ import annotations

import asyncio
import ipaddress
import secrets
from typing import Any

from bokeh.server.auth_provider import AuthProvider
from tornado.web import RequestHandler

from ..errors import ConfigurationError

_COOKIE = "alphadiffract_dashboard"
_DAYS = 7
SHORTEST = 16
"""Characters of a token."""
_WAIT = 1.0
"""s that a wrong token is answered after."""

_FORM = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">
<title>alphadiffract-stream</title><link rel="icon" href="data:,">
<style>body{{background:#14181c;color:#f4f4f4;font:24px sans-serif;margin:15vh auto;max-width:30em}}
input,button{{font-size:24px;padding:.3em}}</style></head><body>
<form method="post"><p><label for="token">Token of this dashboard</label></p>
<p><input id="token" name="token" type="password" autocomplete="current-password" autofocus>
<button>Show</button></p><p role="alert">{said}</p></form></body></html>"""


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach what is bound to `address`."""
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return False


def check_token(address: str, token: str | None) -> None:
    """Raise ConfigurationError for an address others can reach and no token, or a short one."""
    if token is not None and len(token) < SHORTEST:
        raise ConfigurationError(
            f"the dashboard's token has {len(token)} characters; give {SHORTEST} or more, "
            "e.g. of `openssl rand -hex 16`"
        )
    if token is None and not is_loopback(address):
        raise ConfigurationError(
            f"--address {address}: others can reach this page; put a token into a file and give "
            "--token-file FILE, or keep 127.0.0.1 and use an SSH tunnel"
        )


class TokenAccess(AuthProvider):
    """Asks for `token` once a browser. It is compared in constant time and is never logged.

    The browser keeps a signed cookie, whose key dies with this process. Programs may send
    ``Authorization: Bearer TOKEN``.
    """

    def __init__(self, token: str) -> None:
        self._token = token.encode()
        self.cookie_secret = secrets.token_hex(32)
        super().__init__()

    def knows(self, said: str) -> bool:
        """Whether `said` is the token."""
        return secrets.compare_digest(said.encode(), self._token)

    @property
    def get_user(self) -> Any:
        """The one user there is, of requests that carry cookie or token."""

        def user(handler: Any) -> str | None:
            if handler.get_signed_cookie(_COOKIE, max_age_days=_DAYS):
                return "viewer"
            kind, _, said = handler.request.headers.get("Authorization", "").partition(" ")
            return "viewer" if kind.lower() == "bearer" and self.knows(said.strip()) else None

        return user

    @property
    def login_url(self) -> str:
        """Where the token is asked for."""
        return "/login"

    @property
    def login_handler(self) -> type[RequestHandler]:
        """The page that asks."""
        access = self

        class Login(RequestHandler):
            """Form and its answer."""

            def get(self) -> None:
                self.set_header("Cache-Control", "no-store")
                self.finish(_FORM.format(said=""))

            async def post(self) -> None:
                if access.knows(self.get_body_argument("token", "")):
                    secure = self.request.protocol == "https"
                    self.set_signed_cookie(
                        _COOKIE, "viewer", _DAYS, httponly=True, samesite="Strict", secure=secure
                    )
                    self.redirect("/")
                    return
                await asyncio.sleep(_WAIT)
                self.set_status(403)
                self.finish(_FORM.format(said="✖ That is not the token."))

        return Login
