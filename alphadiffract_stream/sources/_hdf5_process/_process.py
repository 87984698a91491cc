"""One process that reads HDF5, seen from the service."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time

from ...errors import DecodeError
from ._framing import Arrays, receive_answer, send
from ._protocol import Answer, Ready, Request

_START = 60.0
"""s for Python to start and import, on a machine that is busy."""
_END = 1.0
"""s for a process to end by itself, and again for the system to end it."""
_NAMES = {"PATH", "HOME", "LANG", "TMPDIR", "TZ", "VIRTUAL_ENV", "CONDA_PREFIX"}
_BEGINNINGS = ("LC_", "LD_", "DYLD_", "HDF5_")


class LostError(Exception):
    """The process did not answer, or not sensibly; it is of no use any more."""


class Process:
    """Starts it. Raises LostError where that fails. For one thread at a time."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair()
        number = str(theirs.fileno())
        with theirs:
            # Not in this folder (-P), where a file may be named like a module; nor with our keys.
            self._process = subprocess.Popen(  # noqa: S603 - this very program
                [sys.executable, "-P", "-m", __spec__.parent, number],
                env=_environment(),
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        try:
            answer, _ = self._receive(_START)
            if not isinstance(answer, Ready):
                raise LostError(f"began with {answer.kind!r}")
        except LostError:
            self.end()
            raise

    def ask(self, request: Request) -> tuple[Answer, Arrays]:
        """The answer, and its arrays by role. Raises LostError."""
        try:
            self._socket.settimeout(request.limit)
            send(self._socket, request.model_dump_json().encode())
        except OSError:
            raise LostError(self._why()) from None
        return self._receive(request.limit)

    def end(self) -> bool:
        """End it, reading or not; False where the system cannot: it waits for a disk."""
        self._socket.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait(_END)
        return self.ended

    @property
    def ended(self) -> bool:
        """Whether it is gone."""
        return self._process.poll() is not None

    def _receive(self, limit: float) -> tuple[Answer, Arrays]:
        try:
            return receive_answer(self._socket, time.monotonic() + limit)
        except TimeoutError:
            raise LostError(f"did not come back within {limit:g} s") from None
        except DecodeError as error:
            raise LostError(f"was subverted: its answer is none ({error})") from None
        except (EOFError, OSError):
            raise LostError(self._why()) from None

    def _why(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END)
        status = self._process.returncode
        if status is None:
            return "closed its socket"
        if status >= 0:
            return f"ended with status {status}"
        return f"crashed ({signal.Signals(-status).name})"


def _environment() -> dict[str, str]:
    """What Python and libhdf5 go by; no token or password that is in ours."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _NAMES or name.startswith(_BEGINNINGS)
    }
    # One thread computes nothing here, and each has its own memory.
    threads = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    return kept | threads | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
