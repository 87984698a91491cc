"""RRUFF's DIF files: cell, space group, perhaps atoms, wavelength, and the list of peaks.

Written by XPOW (Downs, Swaminathan & Bartelmehs 1993, Am. Mineral. 78, 1104).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from ._files import sample_id
from ._rules import RruffError

_FIELD = re.compile(
    r"^\s*(CELL PARAMETERS|SPACE GROUP|X-RAY WAVELENGTH)\s*#?\s*:\s*(.*?)\s*$", re.I
)
_PEAKS = re.compile(r"^\s*2-?THETA\s+INTENSITY", re.I)
_ATOMS = re.compile(r"^\s*ATOM\s+X\s+Y\s+Z", re.I)


@dataclass(frozen=True, slots=True, eq=False)
class DifAtom:
    """One line of the atom table."""

    label: str
    position: tuple[float, float, float]
    occupancy: float
    b_iso: float | None
    """Å²."""


@dataclass(frozen=True, slots=True, eq=False)
class DifFile:
    """What a DIF file says."""

    name: str
    mineral: str
    sample: str
    cell: tuple[float, float, float, float, float, float]
    """a b c (Å) α β γ (°)."""
    space_group: str
    """As written: ``P6_3/mmc``, ``Fd3m``."""
    wavelength: float
    """Å."""
    peaks: NDArray[np.float64]
    """(n, 2) 2θ (°) and intensity, the strongest 100."""
    atoms: tuple[DifAtom, ...] | None
    """None where there is no table or a line of it cannot be read."""


def parse_dif(text: str, name: str) -> DifFile:
    """Raises RruffError (``incomplete``, ``lattice``)."""
    lines = text.splitlines()
    fields: dict[str, str] = {}
    for line in lines:
        found = _FIELD.match(line)
        if found:
            fields.setdefault(found[1].upper(), found[2])
    for key in ("CELL PARAMETERS", "SPACE GROUP", "X-RAY WAVELENGTH"):
        if not fields.get(key):
            raise RruffError("incomplete", f"no {key}")
    cell = _numbers(fields["CELL PARAMETERS"])
    if len(cell) != 6:
        raise RruffError("lattice", f"CELL PARAMETERS: {fields['CELL PARAMETERS']!r}")
    wavelength = _numbers(fields["X-RAY WAVELENGTH"])
    if not wavelength or not 0.01 < wavelength[0] < 10:
        raise RruffError("incomplete", f"X-RAY WAVELENGTH: {fields['X-RAY WAVELENGTH']!r}")
    peaks = _peaks(lines)
    if not len(peaks):
        raise RruffError("incomplete", "no list of peaks")
    mineral = next((line.split()[0] for line in lines if line.split()), "")
    return DifFile(
        name=name,
        mineral=mineral,
        sample=sample_id(name, text),
        cell=(cell[0], cell[1], cell[2], cell[3], cell[4], cell[5]),
        space_group=fields["SPACE GROUP"],
        wavelength=wavelength[0],
        peaks=peaks,
        atoms=_atoms(lines),
    )


def _numbers(text: str) -> list[float]:
    """Numbers up to the first word that is none; esds in brackets are left off."""
    result = []
    for word in text.split():
        try:
            result.append(float(Fraction(word.partition("(")[0])))
        except (ValueError, ZeroDivisionError):
            break
    return result


def _peaks(lines: list[str]) -> NDArray[np.float64]:
    start = next((i for i, line in enumerate(lines) if _PEAKS.match(line)), len(lines))
    rows = []
    for line in lines[start + 1 :]:
        values = _numbers(line)
        if len(values) < 2:
            break
        rows.append(values[:2])
    return np.array(rows).reshape(-1, 2)


def _atoms(lines: list[str]) -> tuple[DifAtom, ...] | None:
    start = next((i for i, line in enumerate(lines) if _ATOMS.match(line)), None)
    if start is None:
        return None
    columns = lines[start].upper().split()[4:]
    atoms = []
    for line in lines[start + 1 :]:
        words = line.split()
        if not words:
            break
        values = _numbers(" ".join(words[1:]))
        if len(values) < 3 or not words[0][0].isalpha():
            return None
        # Columns left empty are the last ones.
        named = dict(zip(columns, values[3:], strict=False))
        b_iso = next((v for key, v in named.items() if key.startswith("ISO")), None)
        occupancy = next((v for key, v in named.items() if key.startswith("OCC")), 1.0)
        atoms.append(DifAtom(words[0], (values[0], values[1], values[2]), occupancy, b_iso))
    return tuple(atoms) or None
