"""Results of some entries at a time, each part in files of its own until all are there."""

from __future__ import annotations

import json
import lzma
import shutil
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..structures import LEFT_OUT
from ._entries import Entry
from ._errors import CurationError
from ._judge import Kept, Rejected

ENDING = ".jsonl.xz"


@dataclass(frozen=True, slots=True)
class Files:
    """Where a curation writes."""

    output: Path

    @classmethod
    def of(cls, output: Path) -> Files:
        """Raises CurationError for a name that does not say what the file is."""
        if not output.name.endswith(ENDING):
            raise CurationError(f"{output}: the name must end in {ENDING}")
        return cls(output)

    def _beside(self, ending: str) -> Path:
        return self.output.with_name(self.output.name.removesuffix(ENDING) + ending)

    @property
    def parts(self) -> Path:
        """Folder of finished parts; gone when all is done."""
        return self._beside(".parts")

    @property
    def rejected(self) -> Path:
        """JSON lines: id, rule, reason and values of each entry that was left out."""
        return self._beside(LEFT_OUT)

    @property
    def report(self) -> Path:
        """JSON: sources, tolerances, versions and counts."""
        return self._beside(".json")


@dataclass(frozen=True, slots=True)
class Part:
    """Some entries, and the stem of the files that come of them."""

    stem: Path
    entries: list[Entry]

    @property
    def done(self) -> bool:
        """Whether nothing is left to do; the counts are written last."""
        return self.counts.exists()

    @property
    def kept(self) -> Path:
        """Lines of structures; compressed."""
        return self.stem.with_suffix(ENDING)

    @property
    def rejected(self) -> Path:
        """Lines of what was left out."""
        return self.stem.with_suffix(LEFT_OUT)

    @property
    def counts(self) -> Path:
        """What the report is summed from."""
        return self.stem.with_suffix(".counts.json")

    def write(self, verdicts: Iterable[Kept | Rejected]) -> None:
        """All three files, each atomically."""
        kept = [v for v in verdicts if isinstance(v, Kept)]
        rejected = [v for v in verdicts if isinstance(v, Rejected)]
        lines = "".join(v.line + "\n" for v in kept).encode()
        # An .xz file may hold several streams, so parts are joined as they are.
        _write(self.kept, lzma.compress(lines, preset=6) if kept else b"")
        _write(self.rejected, "".join(v.line + "\n" for v in rejected).encode())
        counts: dict[str, Any] = {
            "entries": len(self.entries),
            "kept": len(kept),
            "disordered": sum(bool(v.record.mixtures) for v in kept),
            "space_groups": Counter(v.record.space_group_number for v in kept),
            "families": [v.record.family for v in kept],
            "rejected": [
                [rule, reason, n]
                for (rule, reason), n in Counter((v.rule, v.reason) for v in rejected).items()
            ],
        }
        _write(self.counts, json.dumps(counts).encode())


def join(parts: Iterable[Path], output: Path) -> None:
    """One file of many, atomically."""
    whole = output.with_name(output.name + ".tmp")
    with whole.open("wb") as target:
        for part in parts:
            with part.open("rb") as source:
                shutil.copyfileobj(source, target)
    whole.replace(output)


def _write(path: Path, content: bytes) -> None:
    half = path.with_name(path.name + ".tmp")
    half.write_bytes(content)
    half.replace(path)
