"""The model's file, which somebody replaces."""

from __future__ import annotations

import hashlib
import json
from importlib.resources import files
from pathlib import Path

from alphadiffract_stream.prediction import network_bytes

_DEFAULT = Path(str(files("alphadiffract_stream") / "models" / "default.onnx"))
_CARD = _DEFAULT.with_suffix(".json")


class ModelFile:
    """The shipped network under a path of its own, with its card."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "model.onnx"
        self.versions = 0
        self._card = self.path.with_suffix(".json")
        self._put(network_bytes(_DEFAULT), _CARD.read_bytes())

    def poison(self) -> None:
        """One byte in the middle is another; the card stays."""
        data = bytearray(network_bytes(_DEFAULT))
        data[len(data) // 2] ^= 1
        self._put(bytes(data), self._card.read_bytes())

    def exchange(self) -> None:
        """Another model with a card of its own, which gives the same answers: so that they can be
        judged. A protobuf file goes on where it ended: what is added is one more ``doc_string``."""
        self.versions += 1
        text = f"exchanged {self.versions} times".encode()
        data = network_bytes(_DEFAULT) + b"\x32" + bytes([len(text)]) + text
        card = json.loads(_CARD.read_bytes()) | {
            "version": f"{self.versions}",
            "sha256": hashlib.sha256(data).hexdigest(),
        }
        self._put(data, json.dumps(card).encode())

    def restore(self) -> None:
        """After `poison`: as its card says."""
        if self.versions:
            self.versions -= 1
            self.exchange()
        else:
            self._put(network_bytes(_DEFAULT), _CARD.read_bytes())

    def _put(self, data: bytes, card: bytes) -> None:
        self.path.write_bytes(data)
        self._card.write_bytes(card)
