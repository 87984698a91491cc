"""Runs a command and ends it when its own standard input closes.

The kernel closes that pipe whatever happens to the process at the other end, so no child outlives
the demo, not even when the demo is killed. Standard library only: it starts in milliseconds.

    python _guard.py COMMAND ARGUMENT…
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading

PATIENCE = 5.0
"""Seconds a child has to end after it was asked to."""


def main(command: list[str]) -> int:
    """Run `command` until it ends or standard input does; returns its exit status."""
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603
    threading.Thread(target=_end_with_input, args=(child,), daemon=True).start()
    return child.wait()


def _end_with_input(child: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
    child.terminate()
    try:
        child.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        child.kill()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
