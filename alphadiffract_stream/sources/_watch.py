"""``watch:FOLDER?pattern=*.xye``: files as they are written, each once, when it is complete."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from pydantic import Field
from watchfiles import awatch

from ..errors import ConfigurationError
from ..urls import Url
from ._file_run import FileRun
from ._folder import Folder
from ._formats import FileBusyError
from ._messages import Dropped, Message
from ._read_options import ReadOptions, options_of, path_of

_STOPPED = "source closed before the file was complete; read it with file:"
_CHANGED = "written to again after it was read; only its first content was used (raise settle)"


class WatchOptions(ReadOptions):
    """Options of a ``watch:`` URL."""

    pattern: str = "*"
    """Which files, by name (or, with a '/', by path below the folder). Plain ``*`` takes every
    ending a format has."""
    settle: float = Field(default=0.5, ge=0, le=3600)
    """Seconds size and time of a file must stand still before it is read; 0 for writers that
    rename a finished file into place."""
    existing: bool = False
    """Whether files already there are read too."""
    recursive: bool = False
    """Whether folders below are watched."""
    poll: bool = False
    """Look instead of being told: for network file systems (NFS, GPFS), which tell nobody."""
    rescan: float = Field(default=10.0, gt=0)
    """Seconds between looks through the whole folder, against lost notifications."""


class WatchSource:
    """A source of one run over the files that appear in a folder. Knows the folder from
    construction, so that a file written before iteration begins is not missed."""

    def __init__(
        self,
        folder: Path,
        options: WatchOptions | None = None,
        *,
        wavelength: float | None = None,
        name: str = "watch",
    ) -> None:
        """`wavelength` (Å) is used where `options` and the file give none.

        Raises ConfigurationError where `folder` is not a folder that can be read.
        """
        self.name = name
        self._options = options or WatchOptions()
        self._run = FileRun(self._options, wavelength, "watch")
        self.decoding = self._run.decoding
        self._stop = asyncio.Event()
        self._folder = Folder(
            folder,
            pattern=self._options.pattern,
            recursive=self._options.recursive,
            settle=self._options.settle,
            suffixes=self._options.suffixes,
        )
        try:
            self._folder.begin(existing=self._options.existing)
        except OSError as error:
            raise ConfigurationError(f"{name}: {error.strerror}: {folder}") from None

    async def __aiter__(self) -> AsyncIterator[Message]:
        yield self._run.started(self.name)
        failure = ""
        try:
            async for touched in self._touched():
                complete, changed = await asyncio.to_thread(self._folder.look, touched)
                for path in changed:
                    yield Dropped(self._run.origin(path), _CHANGED)
                for path in complete:
                    if self._stop.is_set():
                        break
                    try:
                        async for message in self._run.messages(path, wait=True):
                            yield message
                        self._folder.done(path)
                    except FileBusyError:
                        self._folder.again(path)
            # What came since the last look was not read either.
            await asyncio.to_thread(self._folder.look, None)
        except OSError as error:
            failure = f"{self._folder.path}: {error.strerror or error}"
        finally:
            self._run.close()
        for path in self._folder.unread():
            yield Dropped(self._run.origin(path), _STOPPED)
        yield self._run.stopped(failure)

    async def close(self) -> None:
        """Stop watching; files not complete yet are reported as dropped. Safe to call twice."""
        self._stop.set()

    async def _touched(self) -> AsyncIterator[set[Path] | None]:
        """Paths written to, every so often; None when the whole folder is to be looked through."""
        loop = asyncio.get_running_loop()
        tick = min(max(self._options.settle / 2, 0.05), 1.0)
        looked = -self._options.rescan
        async for changes in awatch(
            self._folder.path,
            watch_filter=None,
            debounce=200,
            step=20,
            rust_timeout=int(tick * 1000),
            yield_on_timeout=True,
            stop_event=self._stop,
            force_polling=self._options.poll or None,
            recursive=self._options.recursive,
            ignore_permission_denied=True,
        ):
            due = loop.time() - looked >= self._options.rescan
            looked = loop.time() if due else looked
            yield None if due else {Path(path) for _, path in changes}


def open(url: Url, *, wavelength: float | None = None) -> WatchSource:
    """Source of the folder a URL names. Raises ConfigurationError where there is none."""
    options = options_of(url, WatchOptions)
    return WatchSource(path_of(url), options, wavelength=wavelength, name=str(url))
