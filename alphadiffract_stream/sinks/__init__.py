"""Sinks: where prediction documents go. One file a transport."""

from __future__ import annotations

from ..urls import open_url
from ._protocol import Sink

__all__ = ["Sink", "open_sink"]


def open_sink(url: str) -> Sink:
    """Sink named by `url`: ``bluesky-zmq://host:port``, ``jsonl:PATH``, ``terminal``, …

    Raises ConfigurationError for an unknown scheme or unusable settings.
    """
    return open_url(__name__, url)
