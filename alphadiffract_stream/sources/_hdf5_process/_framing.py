"""A text and arrays over a socket: four bytes say how long the text is, the text which arrays."""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from ...errors import DecodeError
from ._protocol import ANSWERS, MAX_ARRAYS, Answer, Array

MAX_TEXT = 2**20
"""Bytes; no answer comes near it."""

Arrays = Mapping[str, NDArray[Any]]


def send(sock: socket.socket, text: bytes, arrays: Sequence[NDArray[Any]] = ()) -> None:
    """Send one message. Arrays must be contiguous."""
    sock.sendall(len(text).to_bytes(4, "big") + text)
    for array in arrays:
        if array.nbytes:
            sock.sendall(array.reshape(-1).view(np.uint8).data)


def receive_text(sock: socket.socket, deadline: float = math.inf) -> bytes:
    """The text of one message, until `deadline` (`time.monotonic`).

    Raises EOFError where the other end is closed, TimeoutError, and DecodeError.
    """
    length = int.from_bytes(_receive(sock, bytearray(4), deadline), "big")
    if length > MAX_TEXT:
        raise DecodeError(f"a text of {length} bytes; at most {MAX_TEXT} are read")
    return bytes(_receive(sock, bytearray(length), deadline))


def receive_answer(sock: socket.socket, deadline: float) -> tuple[Answer, Arrays]:
    """An answer and its arrays by their role. Raises as `receive_text`."""
    answer = read_answer(receive_text(sock, deadline))
    arrays = {one.role: _array(sock, one, deadline) for one in answer.arrays}
    return answer, arrays


def read_answer(text: bytes) -> Answer:
    """The answer `text` is, its arrays of a size that is read. Raises DecodeError."""
    try:
        answer = ANSWERS.validate_json(text)
    except ValidationError as error:
        (first, *_) = error.errors(include_url=False, include_input=False)
        place = ".".join(map(str, first["loc"]))
        raise DecodeError(f"{place or 'answer'}: {first['msg']}"[:200]) from None
    size = sum(np.dtype(one.dtype).itemsize * math.prod(one.shape) for one in answer.arrays)
    if size > MAX_ARRAYS:
        raise DecodeError(f"arrays of {size} bytes; at most {MAX_ARRAYS} are read")
    return answer


def _array(sock: socket.socket, announced: Array, deadline: float) -> NDArray[Any]:
    dtype = np.dtype(announced.dtype)
    # Of bytes first: whatever they are, they are numbers, but not every byte is a bool.
    raw = np.empty(math.prod(announced.shape) * dtype.itemsize, dtype=np.uint8)
    _receive(sock, raw, deadline)
    values = raw != 0 if dtype.kind == "b" else raw.view(dtype)
    return values.reshape(announced.shape)


def _receive(sock: socket.socket, into: Any, deadline: float) -> Any:
    left = memoryview(into)
    while len(left):
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError
        sock.settimeout(None if remaining == math.inf else remaining)
        try:
            n = sock.recv_into(left)
        except ConnectionError:
            raise EOFError from None
        if n == 0:
            raise EOFError
        left = left[n:]
    return into
