"""A real Triton server on this machine, without containers and without a GPU.

``python -m tools.local_triton REPOSITORY`` (or ``make triton``) installs it below ``.triton/`` the
first time and runs it until Ctrl-C; tests use `provision` and `LocalTriton`.

The server is the one inside the ``nvidia-pytriton`` wheel: Python backend only. Its models run in
an environment of their own, because that backend reads arrays wrongly with numpy 2.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / ".triton"
WHEEL = "nvidia-pytriton==0.7.0"
BACKEND_NEEDS = ("numpy==1.26.4", "onnxruntime>=1.20")
_STUB = "triton_python_backend_stub"


class NotAvailable(Exception):  # noqa: N818 - a reason to skip, not a fault
    """This machine cannot have the server, and why."""


@dataclass(frozen=True, slots=True)
class Installation:
    """Where the server and the environment of its models are."""

    server: Path
    """Folder with ``bin/tritonserver`` and ``backends/``."""
    environment: Path
    """A virtual environment with numpy 1 and ONNX Runtime."""


def provision(cache: Path = CACHE, *, patience: float = 300.0) -> Installation:
    """Install the server below `cache` unless it is there; some 200 MB, in at most `patience` s.

    Raises NotAvailable where the machine is of another kind or the packages cannot be had.
    """
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise NotAvailable("the wheel with Triton's server is for Linux on x86-64")
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    folder = cache / f"{WHEEL.replace('==', '-')}-python{python}"
    package = folder / "server" / "pytriton" / "tritonserver"
    installed = Installation(package, folder / "environment")
    if (folder / "complete").exists():
        return installed
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    until = time.monotonic() + patience
    _pip(until, "--no-deps", "--target", str(folder / "server"), WHEEL)
    stub = package / "python_backend_stubs" / python / _STUB
    if not stub.is_file():
        raise NotAvailable(f"Triton's Python backend is not built for Python {python}")
    place = package / "backends" / "python" / _STUB
    shutil.copy2(stub, place)
    place.chmod(0o755)
    _check_libraries(place)
    _run(until, sys.executable, "-m", "venv", "--without-pip", str(installed.environment))
    _pip(until, *BACKEND_NEEDS, python=installed.environment / "bin" / "python")
    (folder / "complete").touch()
    return installed


def _pip(until: float, *arguments: str, python: Path | None = None) -> None:
    target = ("--python", str(python)) if python else ()
    flags = ("--quiet", "--disable-pip-version-check", "--no-input", "--only-binary=:all:")
    _run(until, sys.executable, "-m", "pip", *target, "install", *flags, *arguments)


def _run(until: float, *command: str) -> None:
    try:
        subprocess.run(  # noqa: S603 - our own commands
            command,
            check=True,
            capture_output=True,
            text=True,
            timeout=max(1.0, until - time.monotonic()),
        )
    except subprocess.TimeoutExpired:
        raise NotAvailable(f"{' '.join(command[:4])} … took too long") from None
    except subprocess.CalledProcessError as error:
        last = (error.stderr or error.stdout).strip().splitlines()[-1:] or [str(error)]
        raise NotAvailable(f"{' '.join(command[-2:])}: {last[0]}") from None


def _check_libraries(stub: Path) -> None:
    """The stub loads libpython, which a Python built without shared libraries lacks."""
    done = subprocess.run(  # noqa: S603 - our own command
        ["ldd", str(stub)],  # noqa: S607 - wherever the system has it
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"LD_LIBRARY_PATH": _library_path()},
    )
    missing = [line.split()[0] for line in done.stdout.splitlines() if "not found" in line]
    if missing:
        raise NotAvailable(f"{', '.join(missing)} not found (Debian: apt install libpython3-dev)")


def _library_path() -> str:
    kept = os.environ.get("LD_LIBRARY_PATH", "")
    return ":".join(filter(None, [sysconfig.get_config_var("LIBDIR") or "", kept]))


def free_ports(n: int) -> list[int]:
    """`n` ports of 127.0.0.1 that were free a moment ago."""
    probes = [socket.socket() for _ in range(n)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


@dataclass(slots=True)
class LocalTriton:
    """One server process on 127.0.0.1; the same ports each time it is started again."""

    installation: Installation
    repository: Path
    models: Sequence[str] = ()
    """Those to load; all of the repository's where none is named."""
    log: Path | None = None
    grpc_port: int = 0
    http_port: int = 0
    metrics_port: int = 0
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        given = [self.grpc_port, self.http_port, self.metrics_port]
        free = free_ports(3)
        self.grpc_port, self.http_port, self.metrics_port = (
            a or b for a, b in zip(given, free, strict=True)
        )

    def start(self, patience: float = 30.0) -> None:
        """Start and wait until the models are loaded. Raises RuntimeError with the log's end."""
        environment = self.installation.environment
        log: IO[bytes] | None = self.log.open("ab") if self.log else None
        try:
            self.process = subprocess.Popen(  # noqa: S603 - our own command
                self._command(),
                stdout=log,
                stderr=subprocess.STDOUT if log else None,
                start_new_session=True,
                env=os.environ
                | {
                    "PATH": f"{environment / 'bin'}:{os.environ['PATH']}",
                    "LD_LIBRARY_PATH": _library_path(),
                    "OMP_NUM_THREADS": "1",
                },
            )
        finally:
            if log:
                log.close()
        until = time.monotonic() + patience
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > until:
                self.kill()
                end = self.log.read_text(errors="replace")[-4000:] if self.log else ""
                raise RuntimeError(f"tritonserver did not get ready\n{end}")
            time.sleep(0.05)

    def _command(self) -> list[str]:
        local = "127.0.0.1"
        chosen = [f"--load-model={name}" for name in self.models]
        return [
            str(self.installation.server / "bin" / "tritonserver"),
            f"--model-repository={self.repository}",
            f"--backend-directory={self.installation.server / 'backends'}",
            *(["--model-control-mode=explicit", *chosen] if chosen else []),
            *(f"--grpc-address={local}", f"--grpc-port={self.grpc_port}"),
            *(f"--http-address={local}", f"--http-port={self.http_port}"),
            *(f"--metrics-address={local}", f"--metrics-port={self.metrics_port}"),
            "--exit-timeout-secs=3",
            # Two servers of one machine must not share the backend's memory regions.
            f"--backend-config=python,shm-region-prefix-name={self._region_prefix}",
        ]

    @property
    def _region_prefix(self) -> str:
        return f"alphadiffract_triton_{self.grpc_port}_"

    def is_ready(self) -> bool:
        """What the server says of itself, which is not to be trusted once it is up."""
        try:
            url = f"http://127.0.0.1:{self.http_port}/v2/health/ready"
            with urllib.request.urlopen(url, timeout=2) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def stubs(self) -> list[int]:
        """Process ids of the Python backend's stubs, in which the models run."""
        if self.process is None:
            return []
        found = []
        for status in Path("/proc").glob("[0-9]*/stat"):
            try:
                name, _, rest = status.read_text().partition("(")[2].rpartition(")")
            except OSError:
                continue
            if int(rest.split()[1]) == self.process.pid and name.startswith(_STUB[:15]):
                found.append(int(status.parent.name))
        return found

    def kill(self) -> None:
        """End server and stubs at once, as a crash would; what it left in memory is removed."""
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process = None
        for region in Path("/dev/shm").glob(f"{self._region_prefix}*"):  # noqa: S108
            region.unlink(missing_ok=True)

    def stop(self) -> None:
        """End it as an operator would, and be sure of it."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
        self.kill()


def main() -> None:
    """Run a server in the foreground."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("repository", type=Path)
    parser.add_argument("--model", action="append", default=[], help="load this one only")
    parser.add_argument("--grpc-port", type=int, default=8001)
    parser.add_argument("--http-port", type=int, default=8000)
    parser.add_argument("--metrics-port", type=int, default=8002)
    parser.add_argument("--install-only", action="store_true")
    given = parser.parse_args()
    try:
        installation = provision()
    except NotAvailable as reason:
        parser.exit(1, f"error: {reason}\n")
    if given.install_only:
        return
    server = LocalTriton(
        installation,
        given.repository,
        given.model,
        grpc_port=given.grpc_port,
        http_port=given.http_port,
        metrics_port=given.metrics_port,
    )
    try:
        server.start()
        print(f"ready: triton://127.0.0.1:{server.grpc_port}/alphadiffract_cpu", flush=True)
        assert server.process is not None
        server.process.wait()
    except KeyboardInterrupt:
        pass
    finally:
        server.stop()


if __name__ == "__main__":
    main()
