"""RRUFF's .txt: ``##KEY=value`` lines, then 2θ and intensity with commas, then ``##END=``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ._columns import from_text
from ._parsed import Results
from ._text import read_text

_KEYS = {
    "NAMES": "sample",
    "RRUFFID": "rruff_id",
    "IDEAL CHEMISTRY": "formula",
    "CELL PARAMETERS": "cell_parameters",
    "CRYSTAL SYSTEM": "crystal_system",
    "LOCALITY": "locality",
    "SOURCE": "source",
    "STATUS": "identification",
}


def read(path: Path, max_bytes: int) -> Results:
    """One pattern; what the file says of the mineral is carried as metadata, never used."""
    text = read_text(path, max_bytes)
    found = {}
    for line in text.lines:
        key, equals, value = line.removeprefix("##").partition("=")
        if line.startswith("##") and equals and value.strip() and key.strip() in _KEYS:
            found[_KEYS[key.strip()]] = value.strip()[:500]
    parsed = from_text(text)
    yield replace(parsed, metadata={**parsed.metadata, **found})
