"""The demo's processes always end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from alphadiffract_stream.demo import _guard
from alphadiffract_stream.demo._children import Child, ChildError

FOREVER = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + FOREVER


def gone(pid: int, patience: float = 15.0) -> bool:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False


def test_ends_with_its_block() -> None:
    with Child("sleeper", ["-c", FOREVER]) as child:
        pid = int(child.read_line())
        assert child.alive
    assert gone(pid)


def test_ends_when_the_block_raises() -> None:
    pid = 0

    def interrupted() -> None:
        nonlocal pid
        with Child("sleeper", ["-c", FOREVER]) as child:
            pid = int(child.read_line())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert gone(pid)


def test_ends_even_when_the_parent_is_killed() -> None:
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time\n"
            "from alphadiffract_stream.demo._children import Child\n"
            "child = Child('sleeper', ['-c', sys.argv[1]])\n"
            "print(child.read_line(), flush=True)\n"
            "time.sleep(600)\n",
            FOREVER,
        ],
        stdout=subprocess.PIPE,
    )
    assert parent.stdout is not None
    with parent.stdout:
        pid = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    assert gone(pid)


def test_a_child_that_will_not_end_is_killed() -> None:
    guard = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys\n"
            "from alphadiffract_stream.demo import _guard\n"
            "_guard.PATIENCE = 0.2\n"
            "sys.exit(_guard.main(sys.argv[1:]))\n",
            sys.executable,
            "-c",
            STUBBORN,
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert guard.stdin is not None
    assert guard.stdout is not None
    with guard.stdout:
        pid = int(guard.stdout.readline())
        guard.stdin.close()
        assert guard.wait(15) != 0
    assert gone(pid)


def test_death_is_reported_with_the_last_words() -> None:
    with Child("failing", ["-c", "raise SystemExit('no such model')"]) as child:
        with pytest.raises(ChildError, match="failing ended with status 1:\nno such model"):
            child.read_line()
        assert not child.alive


def test_guard_needs_only_the_standard_library() -> None:
    source = Path(_guard.__file__).read_text(encoding="utf-8")
    imported = {line.split()[1] for line in source.splitlines() if line.startswith("import ")}
    assert imported <= sys.stdlib_module_names
