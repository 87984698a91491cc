"""Ports nobody uses, for servers that cannot be asked to choose their own."""

from __future__ import annotations

import socket


def free_port(*, udp: bool = False) -> int:
    """A port that was free a moment ago."""
    with socket.socket(type=socket.SOCK_DGRAM if udp else socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
