"""A small disk that is full for a while: a tmpfs, which takes the rights to mount one."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from pathlib import Path

_SIZE = 96 * 2**20


class Disk:
    """Mounted at `folder` until it is closed."""

    def __init__(self, folder: Path, size: int = _SIZE) -> None:
        folder.mkdir()
        self._folder = folder
        self._filler = folder / "filler"
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)]
        subprocess.run(mount, check=True, capture_output=True)  # noqa: S603

    def fill(self) -> None:
        """Nothing more fits."""
        with contextlib.suppress(OSError), self._filler.open("wb", buffering=0) as file:
            for size in (2**20, 2**12, 1):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(bytes(size))

    def free(self) -> None:
        """There is room again."""
        self._filler.unlink(missing_ok=True)

    def close(self) -> None:
        """Unmount it."""
        until = time.monotonic() + 10
        while os.path.ismount(self._folder) and time.monotonic() < until:
            unmount = ["umount", str(self._folder)]
            if subprocess.run(unmount, check=False, capture_output=True).returncode:  # noqa: S603
                time.sleep(0.1)


def possible(folder: Path) -> bool:
    """Whether this process may mount one."""
    try:
        Disk(folder / "probe", 2**16).close()
    except (OSError, subprocess.CalledProcessError):
        return False
    return True
