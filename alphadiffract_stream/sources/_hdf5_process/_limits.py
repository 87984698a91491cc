"""What the process that reads is not allowed, from before it opens the first file."""

from __future__ import annotations

import contextlib
import os
import resource
import signal

MEMORY = 2**30
"""Bytes of address space; a pattern of ten million points takes a third of it, and the container of
deploy/kubernetes has twice as much for this and the service."""
GRACE = 2.0
"""s after its time limit at which a request ends the process, whether or not its parent lives."""


def confine() -> None:
    """No more memory than MEMORY, no file written, no core dumped; ended by its parent only."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the service drains, and still needs it
    # The first to go where the machine, or the container, has no memory left; Linux only.
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
        score.write("1000")
    for kind, most in (
        (resource.RLIMIT_AS, MEMORY),  # not enforced on macOS
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        with contextlib.suppress(ValueError, OSError):  # an administrator's limit is lower
            resource.setrlimit(kind, (most, most))
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    os.close(nothing)


def end_after(seconds: float) -> None:
    """Have the system end this process in `seconds`, whatever it is doing; 0: no more."""
    # Python's handlers wait for the C library to return. The system's own action does not.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)
