"""Document logs: JSON lines, each ``{"name": …, "doc": …}`` (as the jsonl sink and bluesky's
``JSONLinesWriter`` write them) or ``[name, document]``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson

from ...errors import ConfigurationError
from ._raw_run import Named

_ENDINGS = {".jsonl", ".ndjson"}


def is_log(path: Path) -> bool:
    """Whether a file is played as a document log, by its ending."""
    return path.suffix.lower() in _ENDINGS


def read_log(path: Path) -> Iterator[Named]:
    """Documents in the file's order. Raises ConfigurationError naming the line that is none."""
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield _document(line, f"{path}:{number}")
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from None


def _document(line: bytes, place: str) -> Named:
    try:
        match orjson.loads(line):
            case [str(name), dict(document)] | {"name": str(name), "doc": dict(document)}:
                return name, document
    except orjson.JSONDecodeError as error:
        raise ConfigurationError(f"{place}: no JSON ({error})") from None
    raise ConfigurationError(f'{place}: no document; each line is {{"name": "event", "doc": …}}')
