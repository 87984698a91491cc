"""A sink whose documents end in PVs, whatever protocol serves them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Protocol

from ._latest import Latest, Readings


class Server(Protocol):
    """Serves PVs; `post` does not wait."""

    @property
    def address(self) -> str: ...

    def post(self, readings: Readings) -> None: ...

    def close(self) -> None: ...


class PvSink:
    """Shows the latest answer. A PV has one value: what comes too fast is replaced, not queued."""

    def __init__(self, name: str, server: Server) -> None:
        self.name = name
        self.server = server
        self._latest = Latest()

    @property
    def address(self) -> str:
        """Where it is served."""
        return self.server.address

    async def emit(self, name: str, document: Mapping[str, Any]) -> None:
        """Show one document. Raises AlphaDiffractError once the server has broken."""
        self.server.post(self._latest.take(name, document))

    def recall(self, name: str, document: Mapping[str, Any]) -> None:
        """A document of an open run that was shown before: what follows refers to it. The
        server is another one, so that it is shown again.
        """
        self.server.post(self._latest.take(name, document))

    async def close(self) -> None:
        """Show what is left and stop serving. Safe to call twice."""
        await asyncio.to_thread(self.server.close)
