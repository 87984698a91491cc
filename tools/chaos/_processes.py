"""The processes that die: bluesky's proxy and the service."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from tools.local_triton import free_ports

_PATIENCE = 180.0
_OPENER = build_opener(ProxyHandler({}))


class Broken(Exception):  # noqa: N818 - what the test has found, not an error of ours
    """The service did what it must not do; says what."""


class Proxy:
    """``bluesky-0MQ-proxy`` at the same two ports whenever it is started."""

    def __init__(self, log: Path) -> None:
        self.in_port, self.out_port = free_ports(2)
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; it is there some half a second later."""
        command = [sys.executable, "-m", "bluesky.commandline.zmq_proxy"]
        ends = ["--in-address", f"127.0.0.1:{self.in_port}"]
        ends += ["--out-address", f"127.0.0.1:{self.out_port}"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([*command, *ends], stdout=log, stderr=log)  # noqa: S603

    def signal(self, number: int) -> None:
        """As a crash, a stop or a continuation."""
        assert self._process is not None
        self._process.send_signal(number)
        if number == signal.SIGKILL:
            self._process.wait()

    def close(self) -> None:
        """End it, frozen or not."""
        if self._process is not None:
            self.signal(signal.SIGKILL)


class Service:
    """``alphadiffract-stream serve``, started again and again with the same arguments."""

    def __init__(self, folder: Path, options: list[str], settings: dict[str, str]) -> None:
        self._ready = folder / "ready.json"
        self.log = folder / "service.log"
        self._options = options
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._address = ""
        self.starts = 0
        self.kills: list[float] = []

    def launch(self) -> None:
        """Start it and do not wait."""
        self._ready.unlink(missing_ok=True)
        self._address = ""
        serve = [sys.executable, "-m", "alphadiffract_stream", "serve"]
        ready = ["--ready-file", str(self._ready), "--metrics-port", "0"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                [*serve, *ready, *self._options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | self._settings,
            )
        self.starts += 1

    def wait_until_ready(self) -> None:
        """Until it reads from its proxy. Raises Broken when it ends or takes too long."""
        until = time.monotonic() + _PATIENCE
        while not self._ready.exists():
            self.check()
            if time.monotonic() > until:
                raise Broken(f"the service was not ready in {_PATIENCE:g} s")
            time.sleep(0.01)
        self._address = json.loads(self._ready.read_text())["metrics"]

    def wait_until_connected(self) -> None:
        """Until its source has its proxy, and some time to subscribe. Raises Broken."""
        until = time.monotonic() + _PATIENCE
        while not self._connected():
            self.check()
            if time.monotonic() > until:
                raise Broken(f"the service was not connected in {_PATIENCE:g} s")
            time.sleep(0.02)
        time.sleep(0.3)

    def _connected(self) -> bool:
        status = self.status()
        return bool(status) and all(one["state"] == "reading" for one in status["sources"])

    def check(self) -> None:
        """Raises Broken when it has ended by itself."""
        if self._process is not None and (status := self._process.poll()) is not None:
            raise Broken(f"the service ended by itself with status {status}: {self.last_words()}")

    def kill(self) -> None:
        """Kill −9."""
        assert self._process is not None
        self._process.kill()
        self.kills.append(time.monotonic())
        self._process.wait()
        self._address = ""

    def terminate(self) -> int:
        """SIGTERM; its exit status. Raises Broken when it does not end."""
        assert self._process is not None
        self._process.terminate()
        return self.wait()

    def wait(self) -> int:
        """Its exit status."""
        assert self._process is not None
        try:
            status = self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Broken(f"the service did not end in {_PATIENCE:g} s") from None
        self._address = ""
        return status

    def status(self) -> dict[str, Any] | None:
        """What ``/status`` says; None while nobody answers."""
        if not (address := self._address):
            return None
        try:
            with _OPENER.open(f"{address}/status", timeout=5) as answer:
                return json.load(answer)
        except (URLError, OSError, ValueError):
            return None

    def last_words(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-1500:].strip()

    def close(self) -> None:
        """End it, whatever it does."""
        if self._process is not None and self._process.poll() is None:
            self.kill()


class Outages:
    """When something was down or full: (began, ended) in s."""

    def __init__(self) -> None:
        self._spans: list[list[float]] = []
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def during(self):
        """The block is one."""
        span = [time.monotonic(), float("inf")]
        with self._lock:
            self._spans.append(span)
        try:
            yield
        finally:
            span[1] = time.monotonic()

    def explain(self, when: float, before: float, after: float) -> bool:
        """Whether that was near an outage, by so many s."""
        return any(began - before <= when <= ended + after for began, ended in self._spans)
