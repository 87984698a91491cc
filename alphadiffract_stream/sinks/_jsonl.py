"""Documents as JSON lines, ``{"name": …, "doc": …}``, the form of bluesky's JSONLinesWriter.

``jsonl:PATH`` appends; ``jsonl:-`` writes to standard output. NaN, which JSON lacks, is null.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import BaseModel, ConfigDict

from ..errors import ConfigurationError
from ..urls import Url
from ..wire import encode_line, read_options


class JsonLinesSink:
    """One line a document, flushed, so that a reader or a crash finds whole lines."""

    def __init__(self, name: str, file: BinaryIO, *, owned: bool) -> None:
        self.name = name
        self._file = file
        self._owned = owned

    async def emit(self, name: str, document: Mapping[str, Any]) -> None:
        """Append one line. Raises OSError (disk full…) or TypeError (no form in JSON)."""
        self._file.write(encode_line(name, document))
        self._file.flush()

    async def close(self) -> None:
        """Close the file. Safe to call twice."""
        if self._owned:
            self._file.close()


class Options(BaseModel):
    """There are none yet."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def open(url: Url) -> JsonLinesSink:
    """Sink at ``jsonl:PATH`` or ``jsonl:-``. Raises ConfigurationError if it cannot be written."""
    read_options(Options, url)
    if url.path == "-":
        return JsonLinesSink(url.text, sys.stdout.buffer, owned=False)
    if not url.path or url.host:
        raise ConfigurationError(f"{url}: no path; write jsonl:PATH, or jsonl:- for the terminal")
    path = Path(url.path).expanduser()
    try:
        return JsonLinesSink(url.text, path.open("ab"), owned=True)
    except OSError as error:
        raise ConfigurationError(f"{url}: cannot be written: {error}") from None
