"""The message of ``bluesky.callbacks.zmq``: one frame, ``prefix name payload``, space-joined."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import ConfigurationError, DecodeError
from ._payload import Serializer, decode, encode

DEFAULT_MAX_MESSAGE = 64 * 2**20
"""Bytes; a page of 1000 events of 8192 float64 fits."""


def checked_prefix(prefix: str) -> bytes:
    """`prefix` as bytes. Raises ConfigurationError for spaces, which separate the fields."""
    if any(character.isspace() for character in prefix):
        raise ConfigurationError(f"prefix {prefix!r}: may not contain a space")
    return prefix.encode()


def encode_message(
    name: str, document: Mapping[str, Any], serializer: Serializer, prefix: bytes = b""
) -> bytes:
    """The one frame ``RemoteDispatcher`` reads. Raises TypeError for unsendable values."""
    return b" ".join([prefix, name.encode(), encode(document, serializer)])


def encode_line(name: str, document: Mapping[str, Any]) -> bytes:
    """One line of JSON, ``{"name": …, "doc": …}``, as bluesky's JSONLinesWriter writes them."""
    return encode({"name": name, "doc": document}, Serializer.JSON) + b"\n"


def decode_message(
    message: bytes,
    *,
    serializer: Serializer = Serializer.AUTO,
    allow_pickle: bool = False,
    max_message: int = DEFAULT_MAX_MESSAGE,
) -> tuple[bytes, str, dict[str, Any]]:
    """Prefix, document name and document of one frame.

    The size is checked before anything is read. Raises DecodeError for whatever is no document,
    and for a pickle unless `allow_pickle`.
    """
    if len(message) > max_message:
        raise DecodeError(
            f"{len(message)} bytes, more than {max_message}; raise ?max_message= if that is right"
        )
    parts = message.split(b" ", 2)
    if len(parts) != 3:
        raise DecodeError(f"not 'prefix name payload': {len(message)} bytes, {message[:32]!r}")
    prefix, name, payload = parts
    if not (name.isascii() and name.replace(b"_", b"").isalpha() and len(name) <= 64):
        raise DecodeError(f"no document name: {name[:32]!r}")
    try:
        return prefix, name.decode(), decode(payload, serializer, allow_pickle)
    except DecodeError as error:
        raise DecodeError(f"{name.decode()} document: {error}") from None
