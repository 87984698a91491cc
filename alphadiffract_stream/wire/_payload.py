"""One document to bytes and back, in the three serializations Bluesky users run."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import numpy as np
import orjson

from ..errors import DecodeError
from ._limits import check_json, check_msgpack
from ._msgpack import pack, unpack
from ._numpy import decode_numpy, encode_numpy

PICKLE_REMEDY = (
    "a pickle can run any code it likes here, so it is not read: give the publisher "
    "serializer=msgpack_numpy.packb (or JSON), or trust it by name with ?allow_pickle=yes"
)


class Serializer(StrEnum):
    """How a document is written; ``auto`` (reading only) tells by the first bytes."""

    AUTO = "auto"
    MSGPACK = "msgpack"
    JSON = "json"
    PICKLE = "pickle"


def encode(document: Mapping[str, Any], serializer: Serializer) -> bytes:
    """Bytes of `document`; NaN stays NaN in msgpack and pickle, JSON has none and gets null.

    Raises TypeError for values that have no form on the wire.
    """
    match serializer:
        case Serializer.JSON:
            return orjson.dumps(document, default=_json_default, option=orjson.OPT_SERIALIZE_NUMPY)
        case Serializer.PICKLE:
            return pickle.dumps(dict(document))
        case _:
            return pack(document, encode_numpy)


def decode(payload: bytes, serializer: Serializer, allow_pickle: bool) -> dict[str, Any]:
    """The document in `payload`. Raises DecodeError; unpickles only when `allow_pickle`."""
    found = sniff(payload)
    chosen = found if serializer is Serializer.AUTO else serializer
    # Also chosen: a pickle may begin like msgpack (0x88).
    if Serializer.PICKLE in (found, chosen) and not allow_pickle:
        raise DecodeError(PICKLE_REMEDY)
    try:
        document = _READERS[chosen](payload)
    except DecodeError:
        raise
    except Exception as error:
        # Whatever a parser (or, where it was allowed, a pickle) throws is the sender's fault.
        remedy = "" if found is chosen else f"; it looks like {found}"
        raise DecodeError(f"no {chosen} document: {_brief(error)}{remedy}") from None
    if not isinstance(document, dict):
        raise DecodeError(f"a document must be a mapping, not {type(document).__name__}")
    return document


def sniff(payload: bytes) -> Serializer:
    """Which serialization the first bytes belong to; unambiguous, since documents are mappings.

    JSON begins ``{``; a msgpack mapping 0x80…0x8f, 0xde or 0xdf; a pickle of protocol 2 and up
    0x80 and its protocol number, which in msgpack is the empty mapping, one byte long.
    Raises DecodeError when it is none of them.
    """
    if payload.lstrip(b" \t\r\n")[:1] == b"{":
        return Serializer.JSON
    first = payload[:1]
    if first == b"\x80" and len(payload) > 1:
        return Serializer.PICKLE
    if first and (0x80 <= first[0] <= 0x8F or first in b"\xde\xdf"):
        return Serializer.MSGPACK
    if first in (b"(", b"}", b"c") and payload.endswith(b"."):
        return Serializer.PICKLE
    raise DecodeError(f"neither JSON, msgpack nor pickle: {len(payload)} bytes, {payload[:16]!r}…")


def _read_msgpack(payload: bytes) -> Any:
    check_msgpack(payload)
    return unpack(payload, decode_numpy)


def _read_json(payload: bytes) -> Any:
    check_json(payload)
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        # The standard library's own json.dumps writes NaN and Infinity, which are no JSON.
        if b"NaN" in payload or b"Infinity" in payload:
            return json.loads(payload)
        raise


def _read_pickle(payload: bytes) -> Any:
    return pickle.loads(payload)  # noqa: S301 - reached only when the operator allowed it by name


_READERS = {
    Serializer.MSGPACK: _read_msgpack,
    Serializer.JSON: _read_json,
    Serializer.PICKLE: _read_pickle,
}


def _json_default(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be sent")


def _brief(error: Exception) -> str:
    text = str(error).splitlines()[0] if str(error) else ""
    return f"{type(error).__name__} {text}"[:200].strip()
