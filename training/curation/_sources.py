"""Where entries come from: files of JSON lines, CIF files in folders and archives, the AMCSD."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..structures import ENDINGS, LEFT_OUT, structure_lines
from ._amcsd import amcsd_entries, check_amcsd
from ._entries import Entry
from ._errors import CurationError


@dataclass(frozen=True, slots=True)
class Source:
    """One file of lines, one folder of CIF files, one CIF, one archive of them, or the AMCSD."""

    kind: Literal["lines", "cif", "zip", "amcsd"]
    path: Path
    members: tuple[str, ...]
    """CIF files, in the order they are read: relative to a folder, or names in an archive."""

    def entries(self) -> Iterator[Entry]:
        """All entries, always in the same order."""
        if self.kind == "lines":
            for number, line in enumerate(structure_lines(self.path), start=1):
                yield Entry("line", f"{self.path.name}:{number}", line)
        elif self.kind == "amcsd":
            yield from amcsd_entries(self.path)
        elif self.kind == "zip":
            for member in self.members:
                yield Entry("zipped cif", member, str(self.path), member)
        else:
            for member in self.members:
                yield Entry("cif", member, str(self.path / member))

    def fingerprint(self) -> list[str | int]:
        """What must be unchanged for an interrupted curation to be gone on with."""
        files = [self.path] if self.kind != "cif" else [self.path / name for name in self.members]
        size = sum(file.stat().st_size for file in files)
        return [self.kind, str(self.path.resolve()), len(self.members), size]


def open_source(path: Path) -> list[Source]:
    """The sources at `path`: a file, or all a folder holds at any depth. Raises CurationError."""
    if not path.exists():
        raise CurationError(f"{path}: no such file or folder")
    if path.suffix.lower() == ".db":
        check_amcsd(path)
        return [Source("amcsd", path, ())]
    if path.is_file():
        source = _file(path)
        if source is None:
            raise CurationError(f"{path}: not a .cif, .zip, .jsonl, .jsonl.xz or AMCSD .db file")
        return [source]
    files = sorted(p for p in path.rglob("*") if p.is_file() and not p.name.endswith(LEFT_OUT))
    cifs = tuple(p.relative_to(path).as_posix() for p in files if p.suffix.lower() == ".cif")
    found = [Source("cif", path, cifs)] if cifs else []
    found += [source for p in files if (source := _file(p)) and source.kind != "cif"]
    if not found:
        raise CurationError(f"{path}: no .cif, .zip, .jsonl or .jsonl.xz file in this folder")
    return found


def _file(path: Path) -> Source | None:
    if path.name.endswith(ENDINGS):
        return Source("lines", path, ())
    if path.suffix.lower() == ".cif":
        return Source("cif", path.parent, (path.name,))
    if path.suffix.lower() == ".zip":
        return Source("zip", path, _cif_members(path))
    return None


def _cif_members(path: Path) -> tuple[str, ...]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = sorted(n for n in archive.namelist() if n.lower().endswith(".cif"))
    except (zipfile.BadZipFile, OSError) as error:
        raise CurationError(f"{path}: not a readable zip archive ({error})") from None
    if not names:
        raise CurationError(f"{path}: no .cif file in this archive")
    return tuple(names)
