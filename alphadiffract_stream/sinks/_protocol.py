"""What every sink is: a place Bluesky documents go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class Sink(Protocol):
    """Takes (name, document) pairs in order. Made by `open_sink(url)`; see `sinks/__init__`.

    One that can often send without waiting also has ``emit_now(name, document)``: it does so and
    returns True, or returns False and has done nothing. Raises as `emit`.
    """

    name: str

    async def emit(self, name: str, document: Mapping[str, Any]) -> None:
        """Send one document of a prediction run. May raise; the service counts and goes on."""
        ...

    async def close(self) -> None:
        """Flush and release. Safe to call twice."""
        ...
