"""The model's file, which somebody replaces."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

_DEFAULT = Path(str(files("alphadiffract_stream") / "models" / "default.onnx"))


class ModelFile:
    """The shipped network under a path of its own, with its card."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "model.onnx"
        self.restore()
        self.path.with_suffix(".json").symlink_to(_DEFAULT.with_suffix(".json"))

    def poison(self) -> None:
        """One byte in the middle is another."""
        data = bytearray(_DEFAULT.read_bytes())
        data[len(data) // 2] ^= 1
        self.path.unlink()
        self.path.write_bytes(data)

    def restore(self) -> None:
        """As it was."""
        self.path.unlink(missing_ok=True)
        self.path.symlink_to(_DEFAULT)
