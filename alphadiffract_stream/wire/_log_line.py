"""A line of a document log: ``{"name": …, "doc": …}`` (as the jsonl sink and bluesky's
``JSONLinesWriter`` write them) or ``[name, document]``."""

from __future__ import annotations

from typing import Any

import orjson

from ..errors import DecodeError
from ._limits import check_json


def decode_line(line: bytes) -> tuple[str, dict[str, Any]]:
    """Name and document. Raises DecodeError for what is none, or holds too much."""
    check_json(line)
    try:
        match orjson.loads(line):
            case [str(name), dict(document)] | {"name": str(name), "doc": dict(document)}:
                return name, document
    except orjson.JSONDecodeError as error:
        raise DecodeError(f"no JSON ({error})") from None
    raise DecodeError('no document; each line is {"name": "event", "doc": …}')
