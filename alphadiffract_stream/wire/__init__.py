"""The Bluesky 0MQ wire: documents to messages and back, and never code from a socket."""

from __future__ import annotations

from ._message import (
    DEFAULT_MAX_MESSAGE,
    Serializer,
    checked_prefix,
    decode_message,
    encode_line,
    encode_message,
)
from ._options import read_options

__all__ = [
    "DEFAULT_MAX_MESSAGE",
    "Serializer",
    "checked_prefix",
    "decode_message",
    "encode_line",
    "encode_message",
    "read_options",
]
