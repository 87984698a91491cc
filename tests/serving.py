"""``alphadiffract-stream serve`` as a real process that is sent frames, for system tests."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import zmq

SERVE = [str(Path(sys.executable).with_name("alphadiffract-stream")), "serve"]
BOUND = "frames://127.0.0.1:0?bind=yes"
POINTS = 3000
TWO_THETA = np.linspace(2, 40, POINTS)


class Served:
    """The process, what it is sent and what it has written."""

    def __init__(self, folder: Path, *options: str, env: dict[str, str] | None = None) -> None:
        self.out = folder / "out.jsonl"
        self.log = folder / "log.txt"
        self._ready = folder / "ready.json"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*SERVE, "--ready-file", str(self._ready), *options],
                stderr=log,
                stdout=subprocess.DEVNULL,
                env=os.environ | (env or {}),
            )
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.PUSH)

    def is_ready(self) -> bool:
        return self._ready.exists()

    def connect(self) -> dict:
        """Wait until it is ready, then connect to its frames source."""
        self.wait(self.is_ready)
        ready = json.loads(self._ready.read_text())
        self._socket.connect(ready["sources"][0]["address"])
        return ready

    def send(self, *frames: bytes) -> None:
        self._socket.send_multipart(frames)

    def header(self, kind: str, **fields) -> bytes:
        return json.dumps({"version": 1, "kind": kind, "run": "raw-1", **fields}).encode()

    def pattern(self, seq_num: int, intensity: np.ndarray | None = None, **fields) -> None:
        """A good pattern with its line at ``8 + seq_num / 10`` degrees, or the one given."""
        if intensity is None:
            centre = 8 + seq_num / 10
            intensity = 500 * np.exp(-(((TWO_THETA - centre) / 0.05) ** 2)) + 5
        values = intensity.astype("<f4")
        header = {"seq_num": seq_num, "shape": [values.size], "dtype": "float32", **fields}
        self.send(self.header("pattern", **header), values.tobytes())

    def documents(self) -> list[tuple[str, dict]]:
        lines = self.out.read_text().splitlines() if self.out.exists() else []
        return [(line["name"], line["doc"]) for line in map(json.loads, lines)]

    def of(self, name: str) -> list[dict]:
        return [document for kind, document in self.documents() if kind == name]

    def wait(self, condition, patience: float = 60.0) -> None:
        deadline = time.monotonic() + patience
        while not condition():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.02)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._socket.close(linger=0)
        self._context.term()


@contextmanager
def serving(folder: Path, *options: str, **given) -> Iterator[Served]:
    served = Served(folder, *options, **given)
    try:
        yield served
    finally:
        served.close()
