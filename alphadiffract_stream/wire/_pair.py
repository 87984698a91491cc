"""A document and its name in one message, ``[name, document]``, as bluesky-kafka packs them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from ..errors import DecodeError
from ._limits import check_json, check_msgpack
from ._message import DEFAULT_MAX_MESSAGE
from ._msgpack import pack, unpack
from ._numpy import decode_numpy, encode_numpy
from ._payload import PICKLE_REMEDY

_REMEDY = "send msgpack of [name, document], as bluesky_kafka.Publisher does"


def encode_pair(name: str, document: Mapping[str, Any]) -> bytes:
    """What ``bluesky_kafka`` consumers read. Raises TypeError for unsendable values."""
    return pack([name, document], encode_numpy)


def decode_pair(
    message: bytes | None, *, max_message: int = DEFAULT_MAX_MESSAGE
) -> tuple[str, dict[str, Any]]:
    """Name and document, of msgpack or JSON. Raises DecodeError for anything else.

    A pickle is never read.
    """
    if not message:
        raise DecodeError(f"an empty message; {_REMEDY}")
    if len(message) > max_message:
        raise DecodeError(f"{len(message)} bytes, more than {max_message}; raise ?max_message=")
    if message[:1] == b"\x80" and message[-1:] == b".":
        raise DecodeError(PICKLE_REMEDY.partition(", or trust")[0])
    try:
        if message.lstrip(b" \t\r\n")[:1] == b"[":
            check_json(message)
            pair = orjson.loads(message)
        else:
            check_msgpack(message)
            pair = unpack(message, decode_numpy)
    except DecodeError:
        raise
    except Exception as error:
        # Whatever a parser throws is the sender's fault.
        raise DecodeError(f"{type(error).__name__} {str(error)[:100]}; {_REMEDY}") from None
    if not (isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str)):
        raise DecodeError(f"no [name, document] but {type(pair).__name__}; {_REMEDY}")
    name, document = pair
    if not isinstance(document, dict):
        raise DecodeError(f"{name[:64]} document: a mapping, not {type(document).__name__}")
    return name, document
