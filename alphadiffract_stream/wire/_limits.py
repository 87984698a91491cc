"""What a message may hold, seen from its bytes before a parser makes objects of them.

Eight megabytes of empty msgpack lists become 600 MB of Python and hold the event loop for ten
seconds; five bytes may announce a list of four thousand million values. A walk over the bytes costs
microseconds for the documents people send and settles both.
"""

from __future__ import annotations

import re

import numpy as np

from ..errors import DecodeError

MAX_DEPTH = 64
"""Lists and mappings inside each other."""
MAX_CONTAINERS = 100_000
"""Lists and mappings, all together."""
MAX_VALUES = 4_000_000
"""Values in lists and mappings, all together; an array sent as bytes is one."""

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
"""Also one that never ends, or each quote in it would be tried again."""

_CHUNK = 64
_NUMBERS = re.compile(
    rb"(?:[\x00-\x7f\xe0-\xff]|[\xcc\xd0].|[\xcd\xd1]..|[\xca\xce\xd2].{4}|[\xcb\xcf\xd3].{8}){64}+",
    re.DOTALL,
)
"""So many msgpack numbers of whatever kind, found at C's speed."""


def check_json(data: bytes) -> None:
    """Raises DecodeError for what is nested too deep or holds too much."""
    _check(MAX_VALUES, data.count(b",") + 1, "values")
    if data.count(b"[") + data.count(b"{") <= MAX_DEPTH:
        return
    bare = np.frombuffer(_STRING.sub(b"", data), dtype=np.uint8)
    opened = (bare == ord("[")) | (bare == ord("{"))
    closed = (bare == ord("]")) | (bare == ord("}"))
    _check(MAX_CONTAINERS, int(opened.sum()), "lists and mappings")
    depth = np.cumsum(opened.astype(np.int32) - closed)
    _check(MAX_DEPTH, int(depth.max(initial=0)), "levels of nesting")


def check_msgpack(data: bytes) -> None:
    """Raises DecodeError for what is nested too deep, holds too much or is cut off."""
    end = len(data)
    at, left, values, containers = 0, 1, 0, 0
    outer: list[int] = []  # values still to come in the containers around this one
    while True:
        while not left:
            if not outer:
                if at > end:
                    raise DecodeError(f"msgpack cut off after {end} bytes")
                return
            left = outer.pop()
        left -= 1
        if at >= end:
            raise DecodeError(f"msgpack cut off after {end} bytes")
        tag = data[at]
        size = _SIZES[tag]
        if size:
            at += size
            continue
        header, n, extra, per_value = _header(data, at, tag)
        at += header
        if not per_value:
            at += n + extra
            continue
        n *= per_value
        containers += 1
        values += n
        _check(end - at, n, f"values announced in {end - at} bytes")
        _check(MAX_VALUES, values, "values")
        _check(MAX_CONTAINERS, containers, "lists and mappings")
        _check(MAX_DEPTH, len(outer) + 1, "levels of nesting")
        size = _SIZES[data[at]] if n else 0
        if size and data[at : at + size * n : size] == data[at : at + 1] * n:
            at += size * n  # a list of floats, say
            continue
        outer.append(left)
        left = n
        # Only at its beginning: tried at each value, this would take forever where it often fails.
        while left >= _CHUNK and (numbers := _NUMBERS.match(data, at)):
            at, left = numbers.end(), left - _CHUNK


def _check(most: int, found: int, what: str) -> None:
    if found > most:
        raise DecodeError(f"{found} {what}; at most {most} are read")


def _header(data: bytes, at: int, tag: int) -> tuple[int, int, int, int]:
    """Length of the header, number in it, bytes besides, and values each counts for (0: bytes)."""
    if 0x80 <= tag <= 0x8F:
        return 1, tag & 0x0F, 0, 2
    if 0x90 <= tag <= 0x9F:
        return 1, tag & 0x0F, 0, 1
    if tag not in _LENGTHS:
        raise DecodeError(f"no msgpack: byte 0x{tag:02x} at {at}")
    width, extra, per_value = _LENGTHS[tag]
    number = int.from_bytes(data[at + 1 : at + 1 + width], "big")
    return 1 + width, number, extra, per_value


_LENGTHS = {
    **{0xC4: (1, 0, 0), 0xC5: (2, 0, 0), 0xC6: (4, 0, 0)},  # bytes
    **{0xD9: (1, 0, 0), 0xDA: (2, 0, 0), 0xDB: (4, 0, 0)},  # text
    **{0xC7: (1, 1, 0), 0xC8: (2, 1, 0), 0xC9: (4, 1, 0)},  # extensions, with a byte of type
    **{0xDC: (2, 0, 1), 0xDD: (4, 0, 1)},  # lists
    **{0xDE: (2, 0, 2), 0xDF: (4, 0, 2)},  # mappings
}
"""Bytes the length takes, bytes besides, values each counts for; by tag."""


def _size(tag: int) -> int:
    if tag <= 0x7F or tag >= 0xE0 or tag in (0xC0, 0xC2, 0xC3):
        return 1
    if 0xA0 <= tag <= 0xBF:
        return 1 + (tag & 0x1F)
    return {0xCA: 5, 0xCB: 9, 0xCC: 2, 0xCD: 3, 0xCE: 5, 0xCF: 9, 0xD0: 2, 0xD1: 3, 0xD2: 5}.get(
        tag, {0xD3: 9, 0xD4: 3, 0xD5: 4, 0xD6: 6, 0xD7: 10, 0xD8: 18}.get(tag, 0)
    )


_SIZES = bytes(_size(tag) for tag in range(256))
"""Bytes of a value that its tag alone tells; 0 where it does not."""
