"""Writing a file and reading it back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from alphadiffract_stream.errors import PatternError
from alphadiffract_stream.pattern import Pattern
from alphadiffract_stream.sources import read_pattern

Write = Callable[[str, str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@pytest.fixture
def read(write: Write) -> Callable[..., Pattern]:
    def read(name: str, content: str | bytes, **said: object) -> Pattern:
        return read_pattern(write(name, content), **said)  # type: ignore[arg-type]

    return read


@pytest.fixture
def refusal(read: Callable[..., Pattern]) -> Callable[..., PatternError]:
    def refusal(name: str, content: str | bytes, **said: object) -> PatternError:
        with pytest.raises(PatternError) as caught:
            read(name, content, **said)
        return caught.value

    return refusal
