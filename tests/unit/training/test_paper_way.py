from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def test_it_answers_each_turn_with_times():
    pytest.importorskip("torch")
    done = subprocess.run(
        [sys.executable, "-m", "training.paper_way", "--members", "1"],
        input="0.01\n0.01\n",
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=100,
        check=True,
    )
    about, *turns = map(json.loads, done.stdout.splitlines())
    assert about["members"] == 1
    assert about["description"].startswith("1 members, eager torch")
    assert len(turns) == 2
    assert all(times and min(times) > 0 for times in turns)
