"""Document logs: files of JSON lines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ...errors import ConfigurationError, DecodeError
from ...wire import decode_line
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
        return decode_line(line)
    except DecodeError as error:
        raise ConfigurationError(f"{place}: {error}") from None
