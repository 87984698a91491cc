"""The benchmark as a user ends it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.processes import all_gone, children_of

BENCH = [str(Path(sys.executable).with_name("alphadiffract-stream")), "bench", "--part", "load"]
START_LIMIT = 60.0


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_its_service_ends_with_it(how: signal.Signals) -> None:
    bench = subprocess.Popen(
        BENCH,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # A shell starts what it puts in the background, these tests perhaps, deaf to SIGINT.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        deadline = time.monotonic() + START_LIMIT
        while not (children := children_of(bench.pid)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(children) == 1, "the service"
        bench.send_signal(how)
        assert bench.wait(30) != 0
    finally:
        bench.kill()
        bench.wait(30)
    assert all_gone(children)
