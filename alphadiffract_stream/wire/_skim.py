"""A few values of a message, without making anything of the rest."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ..errors import DecodeError
from ._msgpack import Unpacker

_HEAD = 1024
"""Bytes of a message that hold its prefix and name, or it is read whole."""
_LONGEST = 300
"""Bytes of a key or a value that is looked at."""


def document_name(message: bytes) -> bytes:
    """Name of the document in a frame ``prefix name payload``; empty where there is none."""
    parts = message[:_HEAD].split(b" ", 2)
    return parts[1] if len(parts) == 3 else b""


def skim_message(message: bytes, keys: Collection[str]) -> dict[str, Any]:
    """Those of `keys` that the msgpack document in a frame has at its outermost level.

    Costs microseconds whatever else is in it: other values are passed over and never made, so no
    limit but that of nesting is needed. Raises DecodeError for what is no msgpack document.
    """
    payload = message.split(b" ", 2)[-1]
    unpacker = Unpacker(
        max_buffer_size=len(payload) or 1,
        max_array_len=0,
        max_map_len=0,
        max_str_len=_LONGEST,
        max_bin_len=_LONGEST,
        max_ext_len=0,
    )
    try:
        unpacker.feed(payload)
        found: dict[str, Any] = {}
        for _ in range(unpacker.read_map_header()):
            if (key := unpacker.unpack()) in keys:
                found[key] = unpacker.unpack()
            else:
                unpacker.skip()
    except Exception as error:  # whatever a parser throws is the sender's fault
        raise DecodeError(f"no msgpack document: {type(error).__name__} {error}") from None
    return found
