"""RRUFF's XY files: the header's account of the sample, and the pattern by the service's reader."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from alphadiffract_stream.errors import PatternError
from alphadiffract_stream.pattern import Pattern
from alphadiffract_stream.sources import read_pattern

from ._files import sample_id
from ._rules import RruffError

_NUMBER = r"\s*:\s*([-+]?\d*\.?\d+)"
_CELL = [re.compile(rf"\b{n}{_NUMBER}", re.I) for n in ("a", "b", "c", "alpha", "beta", "gamma")]
_SYSTEM = re.compile(r"crystal system\s*:\s*([a-z]+)", re.I)


@dataclass(frozen=True, slots=True, eq=False)
class XyFile:
    """One XY_Processed (or XY_RAW) file."""

    name: str
    mineral: str
    sample: str
    formula: str
    pattern: Pattern
    cell: tuple[float, ...] | None
    """a b c (Å) α β γ (°), as the header has them."""
    crystal_system: str
    """As the header has it; RRUFF calls trigonal crystals hexagonal. Empty where it has none."""
    calculated: bool
    """Computed from single-crystal data, as some of RRUFF's patterns are."""


def parse_xy(text: str, name: str) -> XyFile:
    """Raises RruffError (``unreadable``)."""
    header = {}
    for line in text.splitlines():
        key, equals, value = line.strip().removeprefix("##").partition("=")
        if line.startswith("##") and equals:
            header.setdefault(key.strip().upper(), value.strip())
    cell_text = header.get("CELL PARAMETERS", "")
    numbers = [pattern.search(cell_text) for pattern in _CELL]
    system = _SYSTEM.search(cell_text) or _SYSTEM.search(
        f"crystal system: {header.get('CRYSTAL SYSTEM', '')}"
    )
    kind = header.get("DIFFRACTION SAMPLE DESCRIPTION", "").lower()
    return XyFile(
        name=name,
        mineral=header.get("NAMES", ""),
        sample=sample_id(name, text),
        formula=re.sub(r"[_^]|&#\d+;", "", header.get("IDEAL CHEMISTRY", "")),
        pattern=_pattern(text, name),
        cell=tuple(float(n[1]) for n in numbers if n) if all(numbers) else None,
        crystal_system=system[1].lower() if system else "",
        calculated="calculated" in kind or "single crystal" in kind,
    )


def _pattern(text: str, name: str) -> Pattern:
    with TemporaryDirectory() as folder:
        path = Path(folder) / Path(name).name
        path.write_text(text, encoding="utf-8")
        try:
            return read_pattern(path)
        except PatternError as error:
            raise RruffError("unreadable", str(error).replace(str(path), name)) from None
