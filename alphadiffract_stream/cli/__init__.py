"""``alphadiffract-stream``: one file a command; heavy imports happen inside the commands."""

from __future__ import annotations

from ._app import app

__all__ = ["app"]
