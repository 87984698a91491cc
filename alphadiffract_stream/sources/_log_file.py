"""Lines of document logs as documents, of one run or of all; blocking."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import DecodeError
from ..wire import DEFAULT_MAX_MESSAGE, decode_line

Named = tuple[str, dict[str, Any]]

_ENDINGS = {".jsonl", ".ndjson"}
_BELONGS = ("run_start", "descriptor", "resource", "stream_resource")
"""Fields that say what a document belongs to."""
_NAMED = {"descriptor", "resource", "stream_resource"}
"""Documents that others refer to."""


def log_files(path: Path, run: str = "") -> list[Path]:
    """The file, or the logs in the folder: those named by `run` first, then the newest."""
    if not path.is_dir():
        return [path]
    logs = [one for one in path.iterdir() if one.suffix.lower() in _ENDINGS]
    return sorted(logs, key=lambda one: (not (run and run in one.name), -one.stat().st_mtime))


def documents(path: Path, run: str = "") -> Iterator[Named | DecodeError]:
    """Documents of `run`, up to its stop, or of every run; an error for a line that is none.

    A last line without its end is still being written and passed over. Raises OSError.
    """
    wanted = _OneRun(run) if run else None
    for file in log_files(path, run):
        with file.open("rb") as lines:
            for number, line in enumerate(_lines(lines), 1):
                if not line.strip() or (wanted and not wanted.named_in(line)):
                    continue
                try:
                    name, document = _decoded(line)
                except DecodeError as error:
                    yield DecodeError(f"{file}:{number}: {error}")
                    continue
                if wanted is None or wanted.holds(name, document):
                    yield name, document
                    if wanted and name == "stop":
                        return


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Whole lines; of one that is too long, its beginning."""
    while line := file.readline(DEFAULT_MAX_MESSAGE + 1):
        whole = line.endswith(b"\n")
        if not whole and len(line) <= DEFAULT_MAX_MESSAGE:
            return
        yield line
        while not whole and (rest := file.readline(1 << 20)):
            whole = rest.endswith(b"\n")


def _decoded(line: bytes) -> Named:
    if len(line) > DEFAULT_MAX_MESSAGE:
        raise DecodeError(f"a line of more than {DEFAULT_MAX_MESSAGE} bytes")
    return decode_line(line)


class _OneRun:
    """Knows the documents of one run, by their references to those before."""

    def __init__(self, uid: str) -> None:
        self._uid = uid
        self._known = {uid}

    def named_in(self, line: bytes) -> bool:
        """Whether the line may be one of the run's; no other need be decoded."""
        return any(uid.encode() in line for uid in self._known)

    def holds(self, name: str, document: Mapping[str, Any]) -> bool:
        """Whether this is a document of the run."""
        uid = document.get("uid")
        if name == "start":
            return uid == self._uid
        belongs = [document.get(field) for field in _BELONGS]
        if not any(isinstance(one, str) and one in self._known for one in belongs):
            return False
        if name in _NAMED and isinstance(uid, str):
            self._known.add(uid)
        return True
