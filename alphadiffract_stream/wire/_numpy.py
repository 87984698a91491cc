"""Numpy arrays inside msgpack, as the package msgpack-numpy writes them, read without its trapdoor.

``msgpack_numpy.unpackb`` calls ``pickle.loads`` for arrays of Python objects, so a message that
looks like harmless msgpack can run code. These two hooks speak the same dialect for arrays of
numbers and text, and refuse the rest.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import DecodeError

_PLAIN_DTYPE = re.compile(r"[<>|=]?(b1|\?|[iuf](1|2|4|8|16)|c(8|16)|[SU]\d{1,6})")


def encode_numpy(value: Any) -> Any:
    """`default` hook of ``msgpack.packb``. Raises TypeError for what has no safe form."""
    if isinstance(value, np.ndarray) and value.dtype.kind not in "OV":
        array = np.ascontiguousarray(value).reshape(value.shape)
        return {
            b"nd": True,
            b"type": array.dtype.str,
            b"kind": b"",
            b"shape": array.shape,
            b"data": array.tobytes(),
        }
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be sent")


def decode_numpy(value: Mapping[Any, Any]) -> Any:
    """`object_hook` of ``msgpack.unpackb``: arrays read-only, scalars as Python numbers.

    Raises DecodeError for object and structured arrays and for sizes that do not fit.
    """
    if b"nd" in value:
        return _array(value)
    if b"complex" in value:
        return complex(_text(value[b"data"]))
    return value


def _array(value: Mapping[Any, Any]) -> Any:
    kind, type_ = value.get(b"kind", b""), value.get(b"type")
    text = _text(type_) if isinstance(type_, str | bytes) else repr(type_)
    if kind or not _PLAIN_DTYPE.fullmatch(text):
        raise DecodeError(f"an array of type {text!r} is not read: only numbers and text are")
    data = value.get(b"data")
    if not isinstance(data, bytes):
        raise DecodeError("an array without its bytes")
    dtype = np.dtype(text)
    if not dtype.itemsize or len(data) % dtype.itemsize:
        raise DecodeError(f"an array of {text} with {len(data)} bytes")
    array = np.frombuffer(data, dtype=dtype)
    if value[b"nd"] is not True:
        if array.size != 1:
            raise DecodeError(f"a number of type {text} with {len(data)} bytes")
        return array[0].item()
    return array.reshape(_shape(value.get(b"shape"), array.size))


def _shape(value: Any, size: int) -> tuple[int, ...]:
    if not isinstance(value, list | tuple) or len(value) > 8:
        raise DecodeError(f"an array of shape {value!r}")
    if not all(isinstance(n, int) and n >= 0 for n in value) or math.prod(value) != size:
        raise DecodeError(f"an array of shape {tuple(value)} with {size} values")
    return tuple(value)


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
