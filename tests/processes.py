"""What is left of a process."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path


def children_of(pid: int) -> list[int]:
    """Every process below `pid`."""
    listing = subprocess.run(
        ["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
    ).stdout
    parents = {int(a): int(b) for a, b in (line.split() for line in listing.splitlines())}
    found: list[int] = []
    ring = [pid]
    while ring:
        ring = [child for child, parent in parents.items() if parent in ring]
        found += ring
    return found


def all_gone(pids: list[int], patience: float = 20.0) -> bool:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if not any(Path(f"/proc/{pid}").exists() for pid in pids):
            return True
        time.sleep(0.05)
    return False
