"""The service under test: ``alphadiffract-stream serve`` in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from ..errors import EngineError

_START_LIMIT = 180.0
"""s; a TensorRT engine may have to be read, a cold disk is slow."""
_STOP_LIMIT = 20.0


class ServiceProcess:
    """Started with the block and ended with it. Raises EngineError when it does not come up.

    options: more arguments of ``serve``.
    """

    def __init__(self, source: str, sink: str, engine: str, options: Sequence[str] = ()) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="alphadiffract-bench-")
        folder = Path(self._folder.name)
        self._ready = folder / "ready.json"
        self._log = folder / "log.txt"
        serve = [sys.executable, "-m", "alphadiffract_stream", "serve"]
        said = ["--ready-file", str(self._ready), "--log-level", "WARNING"]
        ends = ["--source", source, "--sink", sink, "--engine", engine]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603
                [*serve, *ends, *options, *said],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the benchmark, which then ends it
            )

    def wait_until_ready(self) -> None:
        """Until patterns are taken."""
        limit = time.monotonic() + _START_LIMIT
        while not self._ready.exists():
            self.check()
            if time.monotonic() > limit:
                raise EngineError(f"serve was not ready in {_START_LIMIT:g} s:\n{self.log()}")
            time.sleep(0.02)

    def check(self) -> None:
        """Raise EngineError when it no longer runs."""
        if self._process.poll() is not None:
            status = self._process.returncode
            raise EngineError(f"serve ended with status {status}:\n{self.log()}")

    def cpu_seconds(self) -> float | None:
        """Processor time it has used, all threads; None where the system does not tell."""
        try:
            fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident(self) -> int | None:
        """Bytes of memory it holds; None where the system does not tell."""
        try:
            pages = Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]
        except OSError:
            return None
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def log(self) -> str:
        """The end of what it wrote."""
        return self._log.read_text(errors="replace")[-4000:].strip()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(_STOP_LIMIT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()
