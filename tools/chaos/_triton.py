"""A real Triton server with the shipped network, for seeds in which it dies."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

from tools.local_triton import LocalTriton, provision
from training.serving import OnnxOnCpu, write_repository


@contextmanager
def started() -> Iterator[LocalTriton]:
    """Installed the first time. Raises NotAvailable where it cannot be had."""
    installation = provision()
    model = Path(str(files("alphadiffract_stream") / "models" / "default.onnx"))
    with tempfile.TemporaryDirectory(prefix="chaos-triton-") as folder:
        repository = Path(folder) / "models"
        repository.mkdir()
        write_repository(repository, model, [OnnxOnCpu()])
        server = LocalTriton(installation, repository, log=Path(folder) / "log.txt")
        server.start(90.0)
        try:
            yield server
        finally:
            server.kill()
