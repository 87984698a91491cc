"""``file:/data/*.xye``: the files that are there now, read once in natural order, then the end."""

from __future__ import annotations

import glob
import re
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from ..errors import ConfigurationError
from ..urls import Url
from ._file_run import FileRun
from ._messages import Message
from ._read_options import ReadOptions, options_of, path_of


class FileSource:
    """A finite source of one run over `paths`, in the order given."""

    def __init__(
        self,
        paths: Sequence[Path],
        options: ReadOptions | None = None,
        *,
        wavelength: float | None = None,
        name: str = "file",
    ) -> None:
        """`wavelength` (Å) is used where `options` and the file give none."""
        self.name = name
        self.paths = tuple(paths)
        self._run = FileRun(options or ReadOptions(), wavelength, "file")
        self.decoding = self._run.decoding
        self._closed = False

    async def __aiter__(self) -> AsyncIterator[Message]:
        yield self._run.started(self.name)
        try:
            for path in self.paths:
                if self._closed:
                    break
                async for message in self._run.messages(path):
                    yield message
                    if self._closed:
                        break
        finally:
            self._run.close()
        yield self._run.stopped("closed before the last file" if self._closed else "")

    async def close(self) -> None:
        """Stop after the pattern being read. Safe to call twice."""
        self._closed = True


def open(url: Url, *, wavelength: float | None = None) -> FileSource:
    """Source of the file, or the files a ``*`` pattern matches.

    Raises ConfigurationError where nothing matches, so that a mistyped path is not an empty run.
    """
    options = options_of(url, ReadOptions)
    path = path_of(url)
    if path.is_dir():
        raise ConfigurationError(f"{url}: a folder; write file:{path}/*.xye or watch:{path}")
    if path.exists():
        paths = [path]
    else:
        found = glob.glob(str(path), recursive=True)
        paths = sorted((Path(one) for one in found if Path(one).is_file()), key=natural)
    if not paths:
        raise ConfigurationError(f"{url}: no such file, and no file matches")
    return FileSource(paths, options, wavelength=wavelength, name=str(url))


def natural(path: Path) -> list[tuple[int, int, str]]:
    """Sort key: scan_9 before scan_10."""
    parts = re.split(r"(\d+)", str(path))
    return [(1, int(p), "") if p.isdecimal() and p.isascii() else (0, 0, p) for p in parts]
