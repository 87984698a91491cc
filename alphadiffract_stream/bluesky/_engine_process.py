"""An engine in a process of its own: it computes without holding up this one, and may die."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from typing import IO, Any

import msgpack
import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigurationError, EngineError
from ..prediction import ModelCard, Outputs

_CHILD = "alphadiffract_stream.bluesky._engine_child"
_RESTARTS, _WITHIN = 3, 60.0
"""A process that ends this often within so many s is not started again until they are over."""


class EngineProcess:
    """`engine` in another Python process, with the interface of every engine.

    A process that dies or does not answer within `timeout` s costs the call in hand an EngineError
    and is started anew for the next one. It ends with this process, however that ends. Nothing
    that is received is unpickled or run.
    Raises ConfigurationError or EngineError when the engine cannot be opened.
    """

    def __init__(self, engine: str, *, timeout: float = 10.0, start_timeout: float = 120.0) -> None:
        self._url = engine
        self._timeout = timeout
        self._start_timeout = start_timeout
        self._lock = threading.Lock()
        self._starts: deque[float] = deque(maxlen=_RESTARTS)
        self._child: subprocess.Popen[bytes] | None = None
        self._pipe: Connection | None = None
        self._log: IO[bytes] | None = None
        self._closed = False
        said = self._start()
        self.card = ModelCard.model_validate_json(said["card"])
        self.name: str = said["name"]
        self.max_batch: int = said["max_batch"]
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="alphadiffract-engine")

    @property
    def pid(self) -> int | None:
        """Process id; None while none runs."""
        return None if self._child is None else self._child.pid

    def run(self, patterns: NDArray[np.float32]) -> Outputs:
        """Outputs for (N, 8192) float32. Raises EngineError."""
        with self._lock:
            if self._closed:
                raise EngineError(f"{self._url}: the engine is closed")
            if self._pipe is None:
                self._restart()
            assert self._pipe is not None
            try:
                self._pipe.send_bytes(np.ascontiguousarray(patterns, np.float32).tobytes())
                answer = self._receive(self._timeout)
            except TimeoutError:
                self._end()
                raise EngineError(
                    f"{self._url}: no answer within {self._timeout:g} s; its process was ended"
                ) from None
            except (EOFError, OSError):
                raise EngineError(f"{self._url}: {self._end()}") from None
        if isinstance(answer, dict):
            raise EngineError(answer["error"])
        rows = len(patterns)
        return Outputs(*(np.frombuffer(value, np.float32).reshape(rows, -1) for value in answer))

    async def infer(self, patterns: NDArray[np.float32]) -> Outputs:
        """`run` on a thread of its own, so that the event loop goes on."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, self.run, patterns)

    async def close(self) -> None:
        """Let the call in hand end, then end the process. Safe to call twice."""
        await asyncio.to_thread(self.shut)

    def shut(self) -> None:
        """`close` without an event loop."""
        self._executor.shutdown()
        with self._lock:
            self._closed = True
            self._end()

    def _restart(self) -> None:
        now = time.monotonic()
        if len(self._starts) == _RESTARTS and now < self._starts[0] + _WITHIN:
            raise EngineError(
                f"{self._url}: its process ended {_RESTARTS} times within {_WITHIN:.0f} s; "
                "it is not started again for a while"
            )
        try:
            self._start()
        except ConfigurationError as error:
            raise EngineError(str(error)) from None

    def _start(self) -> dict[str, Any]:
        """Start the process; returns what it says of its engine."""
        self._starts.append(time.monotonic())
        ours, theirs = socket.socketpair()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `_end`
        with theirs:
            command = [sys.executable, "-m", _CHILD, self._url, str(theirs.fileno())]
            self._child = subprocess.Popen(  # noqa: S603 - our own module
                command,
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                pass_fds=[theirs.fileno()],
            )
        self._pipe = Connection(ours.detach())
        try:
            said = self._receive(self._start_timeout)
        except TimeoutError:
            self._end()
            raise EngineError(
                f"{self._url}: its process was not ready within {self._start_timeout:g} s"
            ) from None
        except (EOFError, OSError):
            raise EngineError(f"{self._url}: {self._end()}") from None
        if "error" in said:
            self._end()
            kind = ConfigurationError if said["kind"] == "configuration" else EngineError
            raise kind(said["error"])
        return said

    def _receive(self, timeout: float) -> Any:
        assert self._pipe is not None
        if not self._pipe.poll(timeout):
            raise TimeoutError
        return msgpack.unpackb(self._pipe.recv_bytes())

    def _end(self) -> str:
        """End the process; returns how it ended and the last it said."""
        if self._pipe is not None:
            self._pipe.close()
        self._pipe = None
        if self._child is None or self._log is None:
            return "its process is not running"
        try:
            # It ends by itself once the pipe is closed, unless it hangs.
            status = self._child.wait(1.0)
        except subprocess.TimeoutExpired:
            self._child.kill()
            status = self._child.wait()
        self._log.seek(max(0, self._log.seek(0, 2) - 2000))
        said = self._log.read().decode(errors="replace").strip().rpartition("\n")[2]
        self._log.close()
        self._child = self._log = None
        how = f"signal {-status}" if status < 0 else f"status {status}"
        return f"its process ended with {how}{': ' if said else ''}{said[:300]}"
