"""The engine's process: the same numbers, and what becomes of a call when it dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from alphadiffract_stream.bluesky import EngineProcess
from alphadiffract_stream.engines import golden_pattern, open_engine
from alphadiffract_stream.errors import ConfigurationError, EngineError


@pytest.fixture(scope="module")
def process(engine: str):
    process = EngineProcess(engine)
    yield process
    process.shut()


async def test_the_same_numbers_as_in_this_process(engine: str, process: EngineProcess):
    here = open_engine(engine)
    rows = np.concatenate([golden_pattern(), golden_pattern()[:, ::-1]])
    ours, theirs = here.run(rows), await process.infer(rows)
    for name in ours.names():
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
    assert (process.name, process.card, process.max_batch) == ("onnx", here.card, here.max_batch)
    with pytest.raises(EngineError, match="at most"):
        process.run(np.zeros((process.max_batch + 1, 8192), np.float32))
    await here.close()


def test_a_process_that_died_costs_one_call(process: EngineProcess):
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    with pytest.raises(EngineError, match="its process ended with signal 9"):
        process.run(golden_pattern())
    assert len(process.run(golden_pattern())) == 1


def test_one_that_keeps_dying_is_left_alone(process: EngineProcess):
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process._starts.extend([time.monotonic()] * 3)
    with pytest.raises(EngineError, match="signal 9"):
        process.run(golden_pattern())
    with pytest.raises(EngineError, match="ended 3 times within 60 s"):
        process.run(golden_pattern())
    process._starts.extend([time.monotonic() - 61] * 3)
    assert len(process.run(golden_pattern())) == 1


def test_one_that_hangs_is_ended(process: EngineProcess, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(process, "_timeout", 0.3)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGSTOP)
    with pytest.raises(EngineError, match=r"no answer within 0\.3 s"):
        process.run(golden_pattern())
    process.shut()
    process.shut()
    with pytest.raises(EngineError, match="closed"):
        process.run(golden_pattern())


def test_what_cannot_be_opened_is_said_at_once(tmp_path: Path):
    with pytest.raises(ConfigurationError, match="no such scheme"):
        EngineProcess("nonsense:")
    with pytest.raises(EngineError, match="no such model"):
        EngineProcess(f"onnx:{tmp_path / 'none.onnx'}")


def test_it_ends_with_its_parent(engine: str):
    code = (
        "import os, sys\n"
        "from alphadiffract_stream.bluesky import EngineProcess\n"
        "print(EngineProcess(sys.argv[1]).pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    command = [sys.executable, "-c", code, engine]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    child = int(done.stdout)
    for _ in range(500):
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            return
        if Path(f"/proc/{child}/stat").read_text().split()[2] == "Z":
            return  # ended; nobody has asked after it
        os.sched_yield()
        time.sleep(0.01)
    raise AssertionError("the engine outlived its parent")
