"""The Bluesky 0MQ wire: documents to messages and back, and never code from a socket."""

from __future__ import annotations

from ._brokers import brokers_of, properties_of, topics_of
from ._curve import Curve, CurveOptions
from ._limits import check_json
from ._log_line import decode_line
from ._message import (
    DEFAULT_MAX_MESSAGE,
    Serializer,
    checked_prefix,
    decode_message,
    encode_line,
    encode_message,
)
from ._options import read_options
from ._pair import decode_pair, encode_pair
from ._skim import document_name, skim_message
from ._value import decode_value, encode_value

__all__ = [
    "DEFAULT_MAX_MESSAGE",
    "Curve",
    "CurveOptions",
    "Serializer",
    "brokers_of",
    "check_json",
    "checked_prefix",
    "decode_line",
    "decode_message",
    "decode_pair",
    "decode_value",
    "document_name",
    "encode_line",
    "encode_message",
    "encode_pair",
    "encode_value",
    "properties_of",
    "read_options",
    "skim_message",
    "topics_of",
]
