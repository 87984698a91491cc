"""A text file as lines, whatever its encoding and line ends; nothing binary gets through."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from pathlib import Path

from ...errors import PatternError

MAX_BYTES = 64 * 2**20
"""Largest text file read: half a million rows of a long scan take a quarter of it."""

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# Tab, line ends, form feed, and the DOS end-of-file mark; no other control character is text.
_NOT_TEXT = re.compile(rb"[\x00-\x08\x0b\x0e-\x19\x1b-\x1f\x7f]")
# str.splitlines also breaks at characters that Latin-1 files use for other things (0x85).
_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class TextFile:
    """Lines of a text file and the place to name when one of them is at fault."""

    path: Path
    lines: list[str]

    def error(self, field: str, index: int | None, value: object, remedy: str) -> PatternError:
        """PatternError naming ``path:line`` (line counted from 1; the file alone for None)."""
        place = str(self.path) if index is None else f"{self.path}:{index + 1}"
        return PatternError(field, f"{place}: {shorten(value)}", remedy)


def shorten(value: object, width: int = 80) -> str:
    """`value` as text that fits in a message."""
    text = value if isinstance(value, str) else repr(value)
    text = "".join(c if c.isprintable() else "�" for c in text)
    return text if len(text) <= width else f"{text[: width - 1]}…"


def read_bytes(path: Path, max_bytes: int) -> bytes:
    """The whole file. Raises PatternError when it is empty, too large or cannot be read."""
    try:
        if not path.is_file():
            what = "is a folder" if path.is_dir() else "no such file"
            raise PatternError("file", f"{path}: {what}", "give the path of a data file")
        with path.open("rb") as stream:
            content = stream.read(max_bytes + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        if isinstance(error, PatternError):
            raise
        raise PatternError("file", f"{path}: {error}", "check the path and permissions") from error
    if not content:
        raise PatternError("file", f"{path}: empty, 0 bytes", "check that it was written")
    if len(content) > max_bytes:
        limit = f"{path}: more than {max_bytes / 2**20:g} MiB"
        raise PatternError("file", limit, "split the file, or raise max_mib (max_bytes)")
    return content


def read_text(path: Path, max_bytes: int) -> TextFile:
    """UTF-8, UTF-16 with its mark, or Latin-1 text. Raises PatternError for binary content."""
    content = read_bytes(path, max_bytes)
    if content.startswith(_UTF16):
        text = content.decode("utf-16", errors="replace")
    else:
        found = _NOT_TEXT.search(content)
        if found:
            byte = f"byte 0x{found.group()[0]:02x} at offset {found.start()}"
            raise PatternError(
                "file", f"{path}: binary, not text ({byte})", "export the pattern as text (.xye)"
            )
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = content.decode("latin-1")
    return TextFile(path, _LINE_END.split(text.replace("\x1a", "")))
