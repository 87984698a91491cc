"""The demo's other processes: started, watched and always ended."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from ..errors import AlphaDiffractError

_GUARD = str(Path(__file__).with_name("_guard.py"))


class ChildError(AlphaDiffractError, RuntimeError):
    """A process of the demo ended when it should be running; carries what it said."""


class Child:
    """One Python process of the demo. Ends with the block, and with the demo however it ends."""

    def __init__(self, name: str, arguments: list[str]) -> None:
        self.name = name
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, _GUARD, sys.executable, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            # Ctrl-C in the terminal is for the demo, which then ends its children in order.
            start_new_session=True,
        )

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def check(self) -> None:
        """Raise ChildError, with the end of its log, when the process is no longer running."""
        if not self.alive:
            raise ChildError(
                f"{self.name} ended with status {self._process.returncode}:\n{self.log()}"
            )

    def read_line(self) -> str:
        """Next line of its standard output; raises ChildError at the end."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            self.check()
        return line.decode()

    def log(self, limit: int = 4000) -> str:
        """The end of what it wrote to standard error."""
        size = self._log.seek(0, 2)
        self._log.seek(max(0, size - limit))
        return self._log.read().decode(errors="replace").strip()

    def close(self) -> None:
        """Ask it to end and wait until it has. Safe to call twice."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self._process.wait(10.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class ProxyProcess(Child):
    """Bluesky's 0MQ proxy in a process of its own, on ports the system chose."""

    def __init__(self) -> None:
        super().__init__("0MQ proxy", ["-m", "alphadiffract_stream.demo._proxy"])
        ports = json.loads(self.read_line())
        self.publish_port: int = ports["publish"]
        """Where publishers connect."""
        self.subscribe_port: int = ports["subscribe"]
        """Where readers connect."""


class ServiceProcess(Child):
    """``alphadiffract-stream serve`` between the two ends of a proxy."""

    def __init__(self, proxy: ProxyProcess, *, raw: str, predictions: str, engine: str) -> None:
        source = f"bluesky-zmq://127.0.0.1:{proxy.subscribe_port}?prefix={raw}"
        sink = f"bluesky-zmq://127.0.0.1:{proxy.publish_port}?prefix={predictions}"
        super().__init__(
            "alphadiffract-stream serve",
            [
                *("-m", "alphadiffract_stream", "serve"),
                *("--source", source, "--sink", sink, "--engine", engine),
            ],
        )


class DashboardProcess(Child):
    """``alphadiffract-stream dashboard`` beside the service, on a port the system chose."""

    def __init__(self, proxy: ProxyProcess, *, raw: str, predictions: str) -> None:
        reader = f"bluesky-zmq://127.0.0.1:{proxy.subscribe_port}"
        super().__init__(
            "alphadiffract-stream dashboard",
            [
                *("-m", "alphadiffract_stream", "dashboard", "--port", "0"),
                *("--source", f"{reader}?prefix={raw}"),
                *("--predictions", f"{reader}?prefix={predictions}"),
            ],
        )
        self.url = self.read_line().strip()
