"""Inputs to begin with: good ones, and those that once were a fault or led somewhere new."""

from __future__ import annotations

from pathlib import Path

from ._seeds import SEEDS

FOLDER = Path(__file__).parent / "corpus"


def corpus(target: str) -> list[bytes]:
    """Seeds and kept inputs of one target, in a fixed order."""
    kept = sorted((FOLDER / target).glob("*"))
    return [*SEEDS[target](), *(path.read_bytes() for path in kept)]
