"""Finished chunks in a folder, so that a killed tabulation goes on where it was."""

from __future__ import annotations

import json
import zipfile
from dataclasses import asdict
from pathlib import Path

from ..reflections import ReflectionStore
from ._chunk import Chunk, LeftOut


class Parts:
    """Each chunk a table and a JSON file; the JSON is written last and names its input."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

    def save(self, number: int, digest: str, chunk: Chunk) -> None:
        """Write chunk `number`, computed from input of `digest`."""
        table, record = self._paths(number)
        if chunk.store is not None:
            chunk.store.save(table)
        row = {
            "digest": digest,
            "tables": 0 if chunk.store is None else len(chunk.store),
            "left_out": [asdict(item) for item in chunk.left_out],
        }
        part = record.with_suffix(".part")
        part.write_text(json.dumps(row), encoding="utf-8")
        part.replace(record)

    def load(self, number: int, digest: str) -> Chunk | None:
        """Chunk `number` as saved from the same input; None where there is none."""
        table, record = self._paths(number)
        if not record.is_file():
            return None
        try:
            row = json.loads(record.read_text(encoding="utf-8"))
            if row["digest"] != digest:
                return None
            store = ReflectionStore.load(table) if row["tables"] else None
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            return None
        return Chunk(store, [LeftOut(**item) for item in row["left_out"]])

    def _paths(self, number: int) -> tuple[Path, Path]:
        name = f"{number:06d}"
        return self._folder / f"{name}.npz", self._folder / f"{name}.json"
