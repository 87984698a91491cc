"""Powder patterns in files: one module a format. `parse` finds the one that reads a file."""

from __future__ import annotations

from pathlib import Path

from ...errors import PatternError
from . import _chi, _columns, _gsas, _nexus, _npy, _rruff, _xrdml
from ._foreign import refuse_foreign
from ._hdf5 import Tree
from ._nexus import MAX_POINTS
from ._nexus import beside as nexus_beside
from ._nexus import read as read_nexus
from ._parsed import FileBusyError, NothingFoundError, Parsed, Reader, Results
from ._text import MAX_BYTES

__all__ = [
    "FORMATS",
    "MAX_BYTES",
    "MAX_POINTS",
    "SUFFIXES",
    "FileBusyError",
    "NothingFoundError",
    "Parsed",
    "Reader",
    "Results",
    "Tree",
    "identify",
    "nexus_beside",
    "parse",
    "read_nexus",
]

FORMATS: dict[str, Reader] = {
    "columns": _columns.read,
    "chi": _chi.read,
    "gsas": _gsas.read,
    "npy": _npy.read,
    "nexus": _nexus.read,
    "rruff": _rruff.read,
    "xrdml": _xrdml.read,
}

SUFFIXES = {
    ".xy": "columns",
    ".xye": "columns",
    ".dat": "columns",
    ".txt": "columns",
    ".csv": "columns",
    ".chi": "chi",
    ".fxye": "gsas",
    ".gsas": "gsas",
    ".gsa": "gsas",
    ".gda": "gsas",
    ".raw": "gsas",
    ".xrdml": "xrdml",
    ".npy": "npy",
    ".h5": "nexus",
    ".hdf5": "nexus",
    ".nxs": "nexus",
    ".hdf": "nexus",
}

_HDF5 = b"\x89HDF\r\n\x1a\n"
_HEAD = 64 * 1024


def identify(path: Path) -> str:
    """Name of the format in FORMATS: by content where that is plain, else by the file's ending.

    Raises PatternError for a format that is known and not read, or a file that cannot be opened.
    """
    try:
        if not path.exists() or path.is_file():  # a pipe would block
            with path.open("rb") as stream:
                head = stream.read(_HEAD)
        else:
            head = b""
    except (OSError, ValueError) as error:
        raise PatternError("file", f"{path}: {error}", "check the path and permissions") from None
    if head.startswith(_HDF5):
        return "nexus"
    if head.startswith(b"\x93NUMPY"):
        return "npy"
    refuse_foreign(path, head)
    named = SUFFIXES.get(path.suffix.lower(), "columns")
    if named in ("nexus", "npy") and head:
        remedy = "check that it was written completely, or name the format"
        raise PatternError("file", f"{path}: does not begin as {named} does", remedy)
    if b"<xrdMeasurement" in head:
        return "xrdml"
    if named in ("columns", "gsas"):
        if b"\nBANK " in head or head.startswith(b"BANK "):
            return "gsas"
        if head.lstrip(b"\xef\xbb\xbf").startswith(b"##") and b"##NAMES=" in head:
            return "rruff"
    return named


def parse(
    path: Path,
    format: str | None = None,
    max_bytes: int = MAX_BYTES,
    hdf5: Reader | None = None,
) -> Results:
    """Patterns of one file, in order. Raises PatternError where the file as a whole is at fault.

    hdf5: reads HDF5 in place of this process.
    """
    if format is not None and format not in FORMATS:
        raise PatternError("format", repr(format), f"use one of {', '.join(sorted(FORMATS))}")
    name = format or identify(path)
    reader = hdf5 if hdf5 is not None and name == "nexus" else FORMATS[name]
    return reader(path, max_bytes)
