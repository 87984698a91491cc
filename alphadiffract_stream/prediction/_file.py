"""Network files that come in pieces, because a repository takes no larger ones."""

from __future__ import annotations

from pathlib import Path

PIECE = 16 * 2**20
"""Bytes of the largest piece."""


def network_bytes(path: Path) -> bytes:
    """Content of the network file `path`, or of its pieces ``NAME.onnx.0``, ``.1``, … joined.

    Raises FileNotFoundError where there is neither. A missing piece is not noticed here but by the
    card's sha256.
    """
    if path.is_file():
        return path.read_bytes()
    pieces = pieces_of(path)
    if not pieces:
        raise FileNotFoundError(f"{path}: no such network, and no {path.name}.0")
    return b"".join(piece.read_bytes() for piece in pieces)


def pieces_of(path: Path) -> list[Path]:
    """Pieces of `path` that are there, in their order."""
    found = [p for p in path.parent.glob(f"{path.name}.*") if p.suffix[1:].isdecimal()]
    return sorted(found, key=lambda piece: int(piece.suffix[1:]))


def write_pieces(path: Path, content: bytes, size: int = PIECE) -> list[Path]:
    """`content` as pieces of `path`, each of at most `size` bytes; earlier pieces are replaced."""
    for old in pieces_of(path):
        old.unlink()
    path.parent.mkdir(parents=True, exist_ok=True)
    written = []
    for number, first in enumerate(range(0, len(content), size)):
        written.append(path.with_name(f"{path.name}.{number}"))
        written[-1].write_bytes(content[first : first + size])
    return written
