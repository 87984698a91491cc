"""Values of our own, kept in a file and read again: msgpack with arrays, and no code in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ._msgpack import pack, unpack
from ._numpy import decode_numpy, encode_numpy

_SMALLEST, _LARGEST = -(2**63), 2**64 - 1
_DEEPEST = 64


def encode_value(value: Any) -> bytes:
    """Bytes of plain values and numpy arrays; what has no form in msgpack is kept as its text."""
    try:
        return pack(value, _default)
    except (OverflowError, ValueError, TypeError):  # huge integers, lone surrogates, loops
        return pack(_storable(value, 0), _default)


def decode_value(value: bytes) -> Any:
    """What `encode_value` was given: arrays read-only, tuples as lists."""
    return unpack(value, decode_numpy)


def _default(value: Any) -> Any:
    try:
        return encode_numpy(value)
    except TypeError:
        return str(value)


def _storable(value: Any, depth: int) -> Any:
    if depth > _DEEPEST:
        return "…"
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, int) and not _SMALLEST <= value <= _LARGEST:
        return str(value)
    if isinstance(value, Mapping):
        return {_storable(k, depth + 1): _storable(v, depth + 1) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(one, depth + 1) for one in value]
    return value
